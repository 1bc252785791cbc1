//! The client's side of one session.

use super::{
    OpenSession,
    protocol::{Body, End, HIVE_SERVICE, Reply, Request, SessionState, StatementNumber},
};
use crate::session::{Answer, Progress, Rows, SessionError};
use datafusion::{
    arrow::{
        array::RecordBatch,
        buffer::Buffer,
        datatypes::{Schema, SchemaRef},
        ipc::reader::StreamDecoder,
    },
    common::DataFusionError,
    physical_plan::stream::RecordBatchStreamAdapter,
};
use futures::stream;
use skep_wire::{ChannelError, DialError, Dialer, Endpoint, Receiver, Sender};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

/// Replies that wait to be looked at.
const AHEAD: usize = 4;

#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("the SQL service at {service} ended the connection")]
    Gone { service: String },
    #[error("the connection to the SQL service at {service} broke")]
    Broken { service: String, source: ChannelError },
    #[error("{}", _0.message)]
    Refused(SessionError),
}

/// A session that a service holds.
pub struct Remote {
    sender: Arc<Mutex<Sender>>,
    replies: Arc<Mutex<mpsc::Receiver<Reply>>>,
    _reader: AbortOnDropHandle<()>,
    next: AtomicU64,
    service: String,
    database: String,
    settings: BTreeMap<String, String>,
    progress: watch::Sender<Progress>,
}

impl Remote {
    pub async fn open(
        dialer: &Dialer,
        endpoint: &Endpoint,
        wanted: OpenSession,
    ) -> Result<Remote, RemoteError> {
        let (mut sender, receiver) = dialer.channel(endpoint, HIVE_SERVICE).await?.split();
        let service = endpoint.to_string();
        let broken = |source| RemoteError::Broken { service: service.clone(), source };
        sender.send(&Request::Open(wanted)).await.map_err(broken)?;
        sender.flush().await.map_err(broken)?;
        let (forward, replies) = mpsc::channel(AHEAD);
        let reader = AbortOnDropHandle::new(tokio::spawn(read(receiver, forward)));
        let mut remote = Remote {
            sender: Arc::new(Mutex::new(sender)),
            replies: Arc::new(Mutex::new(replies)),
            _reader: reader,
            next: AtomicU64::new(1),
            service: service.clone(),
            database: String::new(),
            settings: BTreeMap::new(),
            progress: watch::Sender::default(),
        };
        let first = remote.replies.lock().await.recv().await.ok_or(RemoteError::Gone { service })?;
        match first.body {
            Body::End { end: End::Failed(failure), .. } => Err(RemoteError::Refused(failure.into())),
            Body::End { state, .. } => {
                remote.learn(state);
                Ok(remote)
            }
            Body::Progress(_) | Body::Columns { .. } | Body::Rows(_) => {
                Err(RemoteError::Refused(SessionError::new("the service answered before it was asked")))
            }
        }
    }

    /// Runs one piece of a script. Dropped before its answer, or with the rows of its answer, it is cancelled.
    pub async fn run(&mut self, text: &str) -> Result<Answer, SessionError> {
        let statement = self.take_number();
        self.send(&Request::Run { statement, text: text.to_owned() }).await?;
        let mut cancel = Cancel { statement, sender: self.sender.clone(), over: false };
        match self.reply(statement).await? {
            Body::End { end, state } => {
                cancel.over = true;
                self.learn(state);
                answer(end)
            }
            Body::Columns { columns, facts } => {
                let (schema, stream) = self.rows(statement, cancel).await?;
                let stream = Box::pin(RecordBatchStreamAdapter::new(schema, stream));
                Ok(Answer::Rows(Rows { columns, stream, facts }))
            }
            Body::Progress(_) | Body::Rows(_) => {
                Err(SessionError::new("the service sent rows without their columns"))
            }
        }
    }

    pub async fn completions(&self, prefix: &str) -> Result<Vec<String>, SessionError> {
        let statement = self.take_number();
        self.send(&Request::Complete { statement, prefix: prefix.to_owned() }).await?;
        match self.reply(statement).await? {
            Body::End { end: End::Text(words), .. } => Ok(words),
            _ => Ok(Vec::new()),
        }
    }

    /// How far the job of the statement that runs is.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    pub fn setting(&self, key: &str) -> Option<String> {
        self.settings.get(key).cloned()
    }

    pub fn database(&self) -> &str {
        &self.database
    }

    fn take_number(&self) -> StatementNumber {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn learn(&mut self, state: SessionState) {
        self.database = state.database;
        if let Some(settings) = state.settings {
            self.settings = settings.into_iter().collect();
        }
    }

    async fn send(&self, request: &Request) -> Result<(), SessionError> {
        let mut sender = self.sender.lock().await;
        let sent = async {
            sender.send(request).await?;
            sender.flush().await
        };
        sent.await.map_err(|error| SessionError::new(format!("{}: {error}", gone(&self.service))))
    }

    /// The next one of this statement, but for its progress; those of statements that were cancelled are passed over.
    async fn reply(&self, statement: StatementNumber) -> Result<Body, SessionError> {
        let mut replies = self.replies.lock().await;
        loop {
            match replies.recv().await {
                None => return Err(SessionError::new(gone(&self.service))),
                Some(reply) if reply.statement != statement => {}
                Some(Reply { body: Body::Progress(now), .. }) => drop(self.progress.send_replace(now)),
                Some(reply) => return Ok(reply.body),
            }
        }
    }

    async fn rows(
        &self,
        statement: StatementNumber,
        cancel: Cancel,
    ) -> Result<
        (SchemaRef, impl futures::Stream<Item = Result<RecordBatch, DataFusionError>> + Send + 'static),
        SessionError,
    > {
        let mut rows = RowReader {
            statement,
            replies: self.replies.clone(),
            service: self.service.clone(),
            decoder: StreamDecoder::new(),
            ready: VecDeque::new(),
            schema: None,
            over: false,
            cancel,
        };
        // The schema comes before the first row; rows that fail before it have none.
        let first = rows.next().await;
        let schema = rows.schema.clone().unwrap_or_else(|| Arc::new(Schema::empty()));
        let first = match first {
            Err(error) if rows.schema.is_none() => return Err(error.into()),
            other => other.transpose(),
        };
        let rest = stream::unfold(Some(rows), |rows| async move {
            let mut rows = rows?;
            match rows.next().await {
                Ok(Some(batch)) => Some((Ok(batch), Some(rows))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        let failed = matches!(first, Some(Err(_)));
        let rest = futures::StreamExt::take_while(rest, move |_| futures::future::ready(!failed));
        Ok((schema, futures::StreamExt::chain(stream::iter(first), rest)))
    }
}

fn gone(service: &str) -> String {
    format!("the SQL service at {service} is gone, and with it this session; what was published is safe")
}

fn answer(end: End) -> Result<Answer, SessionError> {
    Ok(match end {
        End::Done { notes } => Answer::Done { notes },
        End::Text(lines) => Answer::Text(lines),
        End::Shell(command) => Answer::Shell(command),
        End::Source(file) => Answer::Source(file),
        End::Quit => Answer::Quit,
        End::RowsOver => Answer::done(),
        End::Failed(failure) => return Err(failure.into()),
    })
}

/// Ends when the connection does. A reader that waits lets the service wait: rows come no faster than they are taken.
async fn read(mut receiver: Receiver, forward: mpsc::Sender<Reply>) {
    while let Ok(Some(reply)) = receiver.receive_or_end::<Reply>().await {
        if forward.send(reply).await.is_err() {
            return;
        }
    }
}

/// Tells the service when nobody waits any more.
struct Cancel {
    statement: StatementNumber,
    sender: Arc<Mutex<Sender>>,
    over: bool,
}

impl Drop for Cancel {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.over {
            return;
        }
        let (statement, sender) = (self.statement, self.sender.clone());
        runtime.spawn(async move {
            let mut sender = sender.lock().await;
            // A connection that is gone has cancelled it already.
            if sender.send(&Request::Cancel { statement }).await.is_ok() {
                let _ = sender.flush().await;
            }
        });
    }
}

struct RowReader {
    statement: StatementNumber,
    replies: Arc<Mutex<mpsc::Receiver<Reply>>>,
    service: String,
    decoder: StreamDecoder,
    ready: VecDeque<RecordBatch>,
    schema: Option<SchemaRef>,
    over: bool,
    cancel: Cancel,
}

impl RowReader {
    async fn next(&mut self) -> Result<Option<RecordBatch>, DataFusionError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if self.over {
                return Ok(None);
            }
            let reply = self.replies.lock().await.recv().await;
            let Some(reply) = reply else {
                self.over = true;
                return Err(DataFusionError::External(gone(&self.service).into()));
            };
            if reply.statement != self.statement {
                continue;
            }
            match reply.body {
                Body::Rows(piece) => self.decode(piece)?,
                Body::End { end, .. } => {
                    self.over = true;
                    self.cancel.over = true;
                    if let End::Failed(failure) = end {
                        return Err(DataFusionError::External(Box::new(SessionError::from(failure))));
                    }
                }
                Body::Progress(_) | Body::Columns { .. } => {}
            }
        }
    }

    fn decode(&mut self, piece: Vec<u8>) -> Result<(), DataFusionError> {
        let mut buffer = Buffer::from_vec(piece);
        while !buffer.is_empty() {
            if let Some(batch) = self.decoder.decode(&mut buffer)? {
                self.ready.push_back(batch);
            }
        }
        if self.schema.is_none() {
            self.schema = self.decoder.schema();
        }
        Ok(())
    }
}
