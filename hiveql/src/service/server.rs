//! The service's side of one session.

use super::protocol::{Body, End, OpenSession, Reply, Request, SessionState, StatementNumber};
use crate::session::{Answer, Rows, Session, SessionError};
use datafusion::arrow::ipc::writer::StreamWriter;
use futures::StreamExt;
use skep_wire::{Channel, ChannelError, Receiver, Sender};
use std::pin::pin;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// Requests that wait while a statement runs: a cancellation, and hardly ever more.
const WAITING_MAX: usize = 8;
/// Rows are sent in pieces of about so many bytes.
const PIECE_BYTES: usize = 1 << 20;

/// Opens the sessions of a service.
pub trait OpenHere {
    fn open(&self, wanted: OpenSession) -> impl Future<Output = Result<Session, SessionError>>;
}

/// Serves a session until its client is gone.
pub async fn serve_session(channel: Channel, opener: &impl OpenHere) -> Result<(), ChannelError> {
    let (mut sender, mut receiver) = channel.split();
    let Some(Request::Open(wanted)) = receiver.receive_or_end().await? else { return Ok(()) };
    let mut session = match opener.open(wanted).await {
        Ok(session) => session,
        Err(error) => {
            let end = End::Failed(error.into());
            let body = Body::End { end, state: SessionState::default() };
            return say(&mut sender, Reply { statement: 0, body }).await;
        }
    };
    let mut told = Told::default();
    let opened = End::Done { notes: Vec::new() };
    let body = Body::End { end: opened, state: told.state(&session) };
    say(&mut sender, Reply { statement: 0, body }).await?;
    let (requests, mut waiting) = mpsc::channel(WAITING_MAX);
    let running = Running::default();
    let reader = AbortOnDropHandle::new(tokio::spawn(read(receiver, requests, running.clone())));
    while let Some(request) = waiting.recv().await {
        let (statement, end) = match request {
            Request::Run { statement, text } => {
                let cancelled = running.begin(statement);
                (statement, run(&mut session, &mut sender, statement, &text, &cancelled).await?)
            }
            Request::Complete { statement, prefix } => {
                (statement, End::Text(session.completions(&prefix).await))
            }
            Request::Open(_) | Request::Cancel { .. } => continue,
        };
        if running.is_cancelled()
            && let Err(error) = session.clear_cancelled().await
        {
            tracing::warn!(%error, "a cancelled statement left files behind, which are swept later");
        }
        let is_quit = end == End::Quit;
        let body = Body::End { end, state: told.state(&session) };
        say(&mut sender, Reply { statement, body }).await?;
        if is_quit {
            break;
        }
    }
    drop(reader);
    Ok(())
}

/// What the client knows of the session's settings.
#[derive(Default)]
struct Told(Vec<(String, String)>);

impl Told {
    fn state(&mut self, session: &Session) -> SessionState {
        let settings = session.settings();
        let is_new = settings != self.0;
        if is_new {
            self.0.clone_from(&settings);
        }
        SessionState { database: session.database().to_owned(), settings: is_new.then_some(settings) }
    }
}

/// The statement that runs, and how to end it.
#[derive(Clone, Default)]
struct Running(std::sync::Arc<std::sync::Mutex<(StatementNumber, CancellationToken)>>);

impl Running {
    fn begin(&self, statement: StatementNumber) -> CancellationToken {
        let mut running = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // One that was cancelled before it began stays cancelled.
        if running.0 != statement {
            *running = (statement, CancellationToken::new());
        }
        running.1.clone()
    }

    fn cancel(&self, statement: StatementNumber) {
        let mut running = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if running.0 < statement {
            *running = (statement, CancellationToken::new());
        }
        if running.0 == statement {
            running.1.cancel();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1.is_cancelled()
    }

    fn cancel_all(&self) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1.cancel();
    }
}

/// Cancellations take effect at once, all else waits for its turn. The client's end cancels what runs.
async fn read(mut receiver: Receiver, requests: mpsc::Sender<Request>, running: Running) {
    loop {
        match receiver.receive_or_end().await {
            Ok(Some(Request::Cancel { statement })) => running.cancel(statement),
            Ok(Some(request)) => {
                if requests.send(request).await.is_err() {
                    return;
                }
            }
            Ok(None) | Err(_) => {
                running.cancel_all();
                return;
            }
        }
    }
}

async fn run(
    session: &mut Session,
    sender: &mut Sender,
    statement: StatementNumber,
    text: &str,
    cancelled: &CancellationToken,
) -> Result<End, ChannelError> {
    let interrupted = || End::Failed(SessionError::new("the statement was cancelled").into());
    let mut progress = session.progress();
    let answer = {
        let mut answer = pin!(session.run(text));
        loop {
            tokio::select! {
                biased;
                () = cancelled.cancelled() => return Ok(interrupted()),
                answer = &mut answer => break answer,
                Ok(()) = progress.changed() => {
                    let body = Body::Progress(progress.borrow_and_update().clone());
                    say(sender, Reply { statement, body }).await?;
                }
            }
        }
    };
    Ok(match answer {
        Err(error) => End::Failed(error.into()),
        Ok(Answer::Done { notes }) => End::Done { notes },
        Ok(Answer::Text(lines)) => End::Text(lines),
        Ok(Answer::Shell(command)) => End::Shell(command),
        Ok(Answer::Source(file)) => End::Source(file),
        Ok(Answer::Quit) => End::Quit,
        Ok(Answer::Rows(rows)) => match send_rows(sender, statement, rows, cancelled).await? {
            Some(failed) => End::Failed(failed.into()),
            None if cancelled.is_cancelled() => interrupted(),
            None => End::RowsOver,
        },
    })
}

/// `Some`: why the rows end before their time.
async fn send_rows(
    sender: &mut Sender,
    statement: StatementNumber,
    rows: Rows,
    cancelled: &CancellationToken,
) -> Result<Option<SessionError>, ChannelError> {
    let Rows { columns, mut stream, facts } = rows;
    say(sender, Reply { statement, body: Body::Columns { columns, facts } }).await?;
    let failed = |error: datafusion::arrow::error::ArrowError| {
        Ok(Some(datafusion::error::DataFusionError::from(error).into()))
    };
    let mut writer = match StreamWriter::try_new(Vec::new(), &stream.schema()) {
        Ok(writer) => writer,
        Err(error) => return failed(error),
    };
    loop {
        let batch = tokio::select! {
            biased;
            () = cancelled.cancelled() => return Ok(None),
            batch = stream.next() => batch,
        };
        let written = match batch {
            None => break,
            Some(Err(error)) => return Ok(Some(error.into())),
            Some(Ok(batch)) => writer.write(&batch),
        };
        if let Err(error) = written {
            return failed(error);
        }
        if writer.get_ref().len() >= PIECE_BYTES {
            send_piece(sender, statement, std::mem::take(writer.get_mut())).await?;
        }
    }
    if let Err(error) = writer.finish() {
        return failed(error);
    }
    send_piece(sender, statement, std::mem::take(writer.get_mut())).await?;
    Ok(None)
}

/// In messages that are far below what one may hold.
async fn send_piece(
    sender: &mut Sender,
    statement: StatementNumber,
    bytes: Vec<u8>,
) -> Result<(), ChannelError> {
    for piece in bytes.chunks(PIECE_BYTES * 4) {
        say(sender, Reply { statement, body: Body::Rows(piece.to_vec()) }).await?;
    }
    Ok(())
}

async fn say(sender: &mut Sender, reply: Reply) -> Result<(), ChannelError> {
    sender.send(&reply).await?;
    sender.flush().await
}
