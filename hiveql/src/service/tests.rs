//! Sessions over a socket of this machine, served as `skep hive` does.

use super::*;
use crate::{
    render::Renderer,
    session::{Answer, Session, SessionError, SessionOptions},
};
use futures::TryStreamExt;
use skep_wire::{
    Acceptor, Channel, Connection, Credential, Dialer, Endpoint, Identity, Listener, Mode, Secret,
    handshake::Refusal,
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

const PATIENCE: Duration = Duration::from_secs(60);

struct Opener {
    warehouse: PathBuf,
}

impl OpenHere for Opener {
    async fn open(&self, wanted: OpenSession) -> Result<Session, SessionError> {
        let options = SessionOptions {
            warehouse: self.warehouse.clone(),
            database: wanted.database,
            conf: wanted.conf,
            variables: wanted.variables,
            user: wanted.user,
            partitions: 1,
            memory_bytes: 64 << 20,
            owner: String::new(),
        };
        Session::local(options).await
    }
}

struct Front {
    opener: Opener,
    /// Told of each session that is over.
    over: mpsc::Sender<()>,
    stop: CancellationToken,
}

impl Acceptor for Front {
    fn admit(&self, _: &str, _: Mode, _: &Identity) -> Result<(), Refusal> {
        Ok(())
    }

    /// A session keeps to its thread.
    async fn accept(self: Arc<Self>, connection: Connection) {
        let (done, ended) = oneshot::channel();
        let front = self.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    _ = serve_session(Channel::new(connection), &front.opener) => {}
                    () = front.stop.cancelled() => {}
                }
            });
            let _ = done.send(());
        });
        let _ = ended.await;
        let _ = self.over.send(()).await;
    }
}

struct Service {
    folder: tempfile::TempDir,
    dialer: Dialer,
    over: mpsc::Receiver<()>,
    _stop: DropGuard,
}

impl Service {
    async fn start() -> Service {
        let folder = tempfile::tempdir().unwrap();
        let secret = Secret::load_or_create(&folder.path().join("secret")).unwrap();
        let listener = Listener::bind(&Endpoint::Unix(folder.path().join("socket"))).await.unwrap();
        let (sender, over) = mpsc::channel(8);
        let opener = Opener { warehouse: folder.path().join("warehouse") };
        let stop = CancellationToken::new();
        let front = Arc::new(Front { opener, over: sender, stop: stop.clone() });
        tokio::spawn(listener.serve(secret.clone(), front, stop.clone()));
        Service { folder, dialer: Dialer::new(Credential::Cluster(secret)), over, _stop: stop.drop_guard() }
    }

    async fn open(&self, wanted: OpenSession) -> Result<Remote, RemoteError> {
        Remote::open(&self.dialer, &Endpoint::Unix(self.folder.path().join("socket")), wanted).await
    }
}

fn wanted() -> OpenSession {
    OpenSession { user: "ada".to_owned(), ..OpenSession::default() }
}

/// The values of the first column.
async fn values(session: &mut Remote, text: &str) -> Result<Vec<String>, SessionError> {
    let Answer::Rows(rows) = session.run(text).await? else { return Ok(Vec::new()) };
    let batches: Vec<_> = rows.stream.try_collect().await?;
    let mut values = Vec::new();
    for batch in batches {
        let renderer = Renderer::new(batch.column(0), &rows.columns[0].1, &rows.facts)?;
        for row in 0..batch.num_rows() {
            let mut text = Vec::new();
            renderer.write(row, &mut text);
            values.push(String::from_utf8(text).unwrap());
        }
    }
    Ok(values)
}

/// So many that they are sent in several pieces.
const MANY: &str = "select repeat(cast(a.pos as string), 100) from \
                    (select 1) x lateral view posexplode(split(space(99999), ' ')) a as pos, v";

/// A hundred rows for each row, and so on.
const HUNDREDFOLD: &str = " lateral view explode(split(space(99), ' ')) ";

/// Rows that nobody lives to see the end of.
fn endless() -> String {
    let views: String = ('a'..'i').map(|name| format!("{HUNDREDFOLD} {name} as {name}v")).collect();
    format!("select count(*) from (select 1) x {views}")
}

#[tokio::test]
async fn rows_errors_and_what_the_session_is_come_over() {
    let service = Service::start().await;
    let variables = vec![("day".to_owned(), "monday".to_owned())];
    let mut session = service.open(OpenSession { variables, ..wanted() }).await.unwrap();
    assert_eq!(session.database(), "default");
    assert_eq!(values(&mut session, "select '${day}', 1").await.unwrap(), ["monday"]);
    assert_eq!(values(&mut session, MANY).await.unwrap().len(), 100_000);
    let error = session.run("select nothing from nowhere").await.err().unwrap();
    assert!(error.message.contains("nowhere") && error.span.is_some(), "{error:?}");
    session.run("create database d").await.unwrap();
    session.run("use d").await.unwrap();
    session.run("set hive.cli.print.header=true").await.unwrap();
    assert_eq!(session.database(), "d");
    assert_eq!(session.setting("hive.cli.print.header").as_deref(), Some("true"));
    assert!(session.completions("sele").await.unwrap().contains(&"select".to_owned()));
    assert!(matches!(session.run("!ls").await, Ok(Answer::Shell(command)) if command == "ls"));
    assert!(matches!(session.run("source a.hql").await, Ok(Answer::Source(file)) if file == "a.hql"));
    assert!(matches!(session.run("quit").await, Ok(Answer::Quit)));
}

#[tokio::test]
async fn a_session_that_cannot_begin_says_why() {
    let service = Service::start().await;
    let database = Some("nowhere".to_owned());
    match service.open(OpenSession { database, ..wanted() }).await {
        Err(RemoteError::Refused(error)) => assert!(error.message.contains("nowhere"), "{error}"),
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_given_up_ends_and_the_session_goes_on() {
    let service = Service::start().await;
    let mut session = service.open(wanted()).await.unwrap();
    assert!(timeout(Duration::from_millis(300), values(&mut session, &endless())).await.is_err());
    let next = timeout(PATIENCE, values(&mut session, "select 2")).await.expect("the first one has ended");
    assert_eq!(next.unwrap(), ["2"]);
    // Rows of which only the first are taken, too.
    let Ok(Answer::Rows(mut rows)) = session.run(MANY).await else { panic!("no rows") };
    assert!(rows.stream.try_next().await.unwrap().is_some());
    drop(rows);
    assert_eq!(timeout(PATIENCE, values(&mut session, "select 3")).await.unwrap().unwrap(), ["3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_connection_whatever_it_runs() {
    let mut service = Service::start().await;
    let mut session = service.open(wanted()).await.unwrap();
    assert!(timeout(Duration::from_millis(300), values(&mut session, &endless())).await.is_err());
    drop(session);
    timeout(PATIENCE, service.over.recv()).await.expect("the session is over");
}

#[tokio::test]
async fn a_service_that_is_gone_is_one_clear_error() {
    let service = Service::start().await;
    let mut session = service.open(wanted()).await.unwrap();
    drop(service);
    let error = timeout(PATIENCE, session.run("select 1")).await.unwrap().err().unwrap();
    assert!(error.message.contains("is gone"), "{error}");
}
