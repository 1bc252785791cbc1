//! A namespace in memory behind a real socket, for tests of the client: obvious, without a journal, leases or repair.

use crate::{
    BlockId, ClientId, FileId, FsPath, Generation, WorkerId,
    blocks::nodes::{HOST, Nodes},
    client::{Client, ClientOptions},
    protocol::{NAMESPACE_SERVICE, namespace::*},
};
use skep_wire::{
    Acceptor, Connection, Credential, Endpoint, Identity, Listener, Mode, Peer, Secret, Service,
    handshake::Refusal,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

#[derive(Clone)]
struct Entry {
    status: FileStatus,
    blocks: Vec<LocatedBlock>,
    writer: Option<ClientId>,
}

#[derive(Default)]
pub struct State {
    entries: BTreeMap<FsPath, Entry>,
    locations: Vec<Location>,
    last_id: u64,
    answers: HashMap<(ClientId, u64), NamespaceAnswer>,
    /// Every operation that arrived, in order.
    pub seen: Vec<Operation>,
    /// So many of the next calls are refused as unavailable.
    pub unavailable: u32,
}

/// The namespace and what it listens with.
pub struct StandIn {
    pub state: Arc<Mutex<State>>,
    pub endpoint: Endpoint,
    secret: Secret,
    stop: CancellationToken,
    listening: JoinHandle<()>,
}

struct Namespaces(Arc<Mutex<State>>);

impl Service for Namespaces {
    type Call = NamespaceCall;
    type Answer = NamespaceAnswer;
    type Tell = ();

    async fn call(&self, _from: &Peer, call: NamespaceCall) -> NamespaceAnswer {
        self.0.lock().unwrap().call(call)
    }

    async fn tell(&self, _from: &Peer, (): ()) {}
}

impl Acceptor for Namespaces {
    fn admit(&self, service: &str, _mode: Mode, _identity: &Identity) -> Result<(), Refusal> {
        match service {
            NAMESPACE_SERVICE => Ok(()),
            _ => Err(Refusal::Service { service: service.to_owned() }),
        }
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        Peer::start(connection, self).closed().await;
    }
}

impl StandIn {
    pub async fn start(nodes: &Nodes) -> StandIn {
        let state = State { locations: nodes.locations(), last_id: 1, ..State::default() };
        let state = Arc::new(Mutex::new(state));
        state.lock().unwrap().make_directories(&FsPath::root());
        StandIn::listen(state, &Endpoint::Tcp("127.0.0.1:0".to_owned()), nodes.secret.clone()).await
    }

    async fn listen(state: Arc<Mutex<State>>, at: &Endpoint, secret: Secret) -> StandIn {
        let listener = Listener::bind(at).await.unwrap();
        let endpoint = listener.endpoint.clone();
        let stop = CancellationToken::new();
        let acceptor = Arc::new(Namespaces(state.clone()));
        let listening = tokio::spawn(listener.serve(secret.clone(), acceptor, stop.clone()));
        StandIn { state, endpoint, secret, stop, listening }
    }

    /// Goes away for a while, as a master that restarts does.
    pub async fn restart_after(self, away: Duration) -> StandIn {
        self.stop.cancel();
        self.listening.await.unwrap();
        tokio::time::sleep(away).await;
        StandIn::listen(self.state, &self.endpoint, self.secret).await
    }

    pub fn client(&self, host: &str) -> Client {
        Client::new(ClientOptions {
            master: self.endpoint.clone(),
            credential: Credential::Cluster(self.secret.clone()),
            user: "tester".to_owned(),
            host: host.to_owned(),
            worker: None,
            patience: Duration::from_secs(30),
        })
    }

    /// On the machine of the workers.
    pub fn local_client(&self) -> Client {
        self.client(HOST)
    }

    /// On another machine.
    pub fn remote_client(&self) -> Client {
        self.client("elsewhere")
    }

    pub fn seen(&self, wanted: impl Fn(&Operation) -> bool) -> usize {
        self.state.lock().unwrap().seen.iter().filter(|operation| wanted(operation)).count()
    }
}

impl State {
    /// A worker came back at another address.
    pub fn relocate(&mut self, moved: &Location) {
        let all = self
            .entries
            .values_mut()
            .flat_map(|entry| &mut entry.blocks)
            .flat_map(|block| &mut block.locations);
        for location in all.chain(&mut self.locations).filter(|one| one.worker == moved.worker) {
            *location = moved.clone();
        }
    }

    fn call(&mut self, call: NamespaceCall) -> NamespaceAnswer {
        if self.unavailable > 0 {
            self.unavailable -= 1;
            return Err(NamespaceError::Unavailable("a test said so".to_owned()));
        }
        if let Some(answer) = self.answers.get(&(call.client, call.call)) {
            return answer.clone();
        }
        self.seen.push(call.operation.clone());
        let answer = self.operate(call.client, call.operation);
        self.answers.insert((call.client, call.call), answer.clone());
        answer
    }

    fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn operate(&mut self, client: ClientId, operation: Operation) -> NamespaceAnswer {
        match operation {
            Operation::Create { path, overwrite, replication, block_bytes } => {
                self.create(client, path, overwrite, replication, block_bytes)
            }
            Operation::AddBlock { file, previous, exclude } => {
                self.add_block(client, file, previous, &exclude)
            }
            Operation::AbandonBlock { file, block } => {
                self.file(client, file)?.blocks.retain(|one| one.block != block);
                Ok(Reply::Done)
            }
            Operation::RenewPipeline { file, block, .. } => {
                let generation = Generation(self.id());
                let entry = self.file(client, file)?;
                entry.blocks.iter_mut().find(|one| one.block == block).unwrap().generation = generation;
                Ok(Reply::Generation(generation))
            }
            Operation::Complete { file, last } => {
                last.into_iter().try_for_each(|written| self.commit(client, file, &written))?;
                let entry = self.file(client, file)?;
                entry.writer = None;
                entry.status.open = false;
                Ok(Reply::Status(entry.status.clone()))
            }
            Operation::Abandon { file } => {
                self.file(client, file)?;
                self.entries.retain(|_, entry| entry.status.id != file);
                Ok(Reply::Done)
            }
            Operation::RenewLeases | Operation::ReportCorrupt { .. } => Ok(Reply::Done),
            Operation::Blocks { path, .. } => {
                let entry = self.entry(&path)?;
                if entry.status.kind == FileKind::Directory {
                    return Err(NamespaceError::IsDirectory(path));
                }
                let Entry { status, blocks, .. } = entry.clone();
                Ok(Reply::Blocks(FileBlocks { status, blocks }))
            }
            Operation::Status { path } => Ok(Reply::Status(self.entry(&path)?.status.clone())),
            Operation::List { path, after } => self.list(&path, after.as_deref()),
            Operation::ListTree { path, after } => self.list_tree(&path, after.as_ref()),
            Operation::MakeDirectory { path, .. } => {
                self.make_directories(&path);
                Ok(Reply::Done)
            }
            Operation::Rename { from, to, replace } => {
                if !replace && self.entries.contains_key(&to) {
                    return Err(NamespaceError::Exists(to));
                }
                self.rename(&from, &to)
            }
            Operation::Delete { path, recursive } => self.delete(&path, recursive),
            Operation::Transaction(transaction) => self.transaction(transaction),
            other => panic!("the stand-in does not know {other:?}"),
        }
    }

    fn entry(&self, path: &FsPath) -> Result<&Entry, NamespaceError> {
        self.entries.get(path).ok_or_else(|| NamespaceError::NotFound(path.clone()))
    }

    fn file(&mut self, client: ClientId, file: FileId) -> Result<&mut Entry, NamespaceError> {
        let open = self.entries.values_mut().find(|one| one.status.id == file && one.writer == Some(client));
        open.ok_or_else(|| NamespaceError::LeaseLost { path: file.to_string(), client })
    }

    fn insert(
        &mut self,
        path: &FsPath,
        kind: FileKind,
        writer: Option<ClientId>,
        block_bytes: u64,
    ) -> FileId {
        let id = FileId(self.id());
        let status = FileStatus {
            path: path.clone(),
            id,
            kind,
            len_bytes: 0,
            replication: 3,
            block_bytes,
            modified_ms: 1_700_000_000_000 + id.0,
            accessed_ms: 0,
            owner: "tester".to_owned(),
            group: String::new(),
            mode: 0o644,
            open: writer.is_some(),
            children: 0,
        };
        self.entries.insert(path.clone(), Entry { status, blocks: Vec::new(), writer });
        id
    }

    fn make_directories(&mut self, path: &FsPath) {
        if let Some(parent) = path.parent() {
            self.make_directories(&parent);
        }
        if !self.entries.contains_key(path) {
            self.insert(path, FileKind::Directory, None, 0);
        }
    }

    fn create(
        &mut self,
        client: ClientId,
        path: FsPath,
        overwrite: bool,
        replication: Option<u16>,
        block_bytes: Option<u64>,
    ) -> NamespaceAnswer {
        if self.entries.contains_key(&path) && !overwrite {
            return Err(NamespaceError::Exists(path));
        }
        if let Some(parent) = path.parent() {
            self.make_directories(&parent);
        }
        let block_bytes = block_bytes.unwrap_or(crate::limits::BLOCK_BYTES_DEFAULT);
        let file = self.insert(&path, FileKind::File, Some(client), block_bytes);
        Ok(Reply::Created { file, replication: replication.unwrap_or(3), block_bytes })
    }

    fn add_block(
        &mut self,
        client: ClientId,
        file: FileId,
        previous: Option<WrittenBlock>,
        exclude: &[WorkerId],
    ) -> NamespaceAnswer {
        previous.iter().try_for_each(|written| self.commit(client, file, written))?;
        let targets: Vec<Location> =
            self.locations.iter().filter(|one| !exclude.contains(&one.worker)).cloned().collect();
        let (block, generation) = (BlockId(self.id()), Generation(1));
        let entry = self.file(client, file)?;
        if targets.is_empty() {
            let path = entry.status.path.clone();
            return Err(NamespaceError::NoTarget { path, live: 0, excluded: exclude.len() as u32, full: 0 });
        }
        let offset = entry.status.len_bytes;
        entry.blocks.push(LocatedBlock { block, generation, offset, len_bytes: 0, locations: Vec::new() });
        Ok(Reply::Block(NewBlock { block, generation, targets }))
    }

    fn commit(
        &mut self,
        client: ClientId,
        file: FileId,
        written: &WrittenBlock,
    ) -> Result<(), NamespaceError> {
        let all = self.locations.clone();
        let entry = self.file(client, file)?;
        let block = entry.blocks.iter_mut().find(|one| one.block == written.block).unwrap();
        if block.len_bytes == 0 {
            assert_eq!(block.generation, written.generation);
            block.len_bytes = written.len_bytes;
            block.locations = all.into_iter().filter(|one| written.replicas.contains(&one.worker)).collect();
            entry.status.len_bytes += written.len_bytes;
        }
        Ok(())
    }

    fn list(&self, path: &FsPath, after: Option<&str>) -> NamespaceAnswer {
        let entry = self.entry(path)?;
        if entry.status.kind == FileKind::File {
            return Ok(Reply::Listing { entries: vec![entry.status.clone()], more: false });
        }
        let below = self.entries.values().filter(|one| one.status.path.parent().as_ref() == Some(path));
        let mut entries: Vec<_> = below.map(|one| one.status.clone()).collect();
        entries.sort_by(|left, right| left.path.name().cmp(&right.path.name()));
        entries.retain(|one| after.is_none_or(|after| one.path.name() > Some(after)));
        Ok(page(entries))
    }

    fn list_tree(&self, path: &FsPath, after: Option<&FsPath>) -> NamespaceAnswer {
        self.entry(path)?;
        let key = |path: &FsPath| path.components().map(str::to_owned).collect::<Vec<_>>();
        let below = self.entries.values().filter(|one| one.status.path.is_within(path));
        let mut entries: Vec<_> = below.map(|one| one.status.clone()).collect();
        entries.sort_by_key(|one| key(&one.path));
        entries.retain(|one| after.is_none_or(|after| key(&one.path) > key(after)));
        Ok(page(entries))
    }

    fn rename(&mut self, from: &FsPath, to: &FsPath) -> NamespaceAnswer {
        self.entry(from)?;
        let moved: Vec<FsPath> = self.entries.keys().filter(|path| path.is_within(from)).cloned().collect();
        for path in moved {
            let mut entry = self.entries.remove(&path).unwrap();
            let new: FsPath = format!("{to}{}", &path.as_str()[from.as_str().len()..]).parse().unwrap();
            entry.status.path = new.clone();
            self.entries.insert(new, entry);
        }
        Ok(Reply::Done)
    }

    fn delete(&mut self, path: &FsPath, recursive: bool) -> NamespaceAnswer {
        let existed = self.entries.contains_key(path);
        let count = self.entries.keys().filter(|one| one.is_within(path)).count();
        if count > 1 && !recursive {
            return Err(NamespaceError::NotEmpty(path.clone()));
        }
        self.entries.retain(|one, _| !one.is_within(path));
        Ok(Reply::Deleted { existed })
    }

    fn transaction(&mut self, transaction: Transaction) -> NamespaceAnswer {
        for expect in transaction.expect {
            match expect {
                Expect::Absent(path) if self.entries.contains_key(&path) => {
                    return Err(NamespaceError::ExpectedAbsent(path));
                }
                Expect::Exists(path) if !self.entries.contains_key(&path) => {
                    return Err(NamespaceError::ExpectedPresent(path));
                }
                _ => {}
            }
        }
        for change in transaction.changes {
            match change {
                Change::MakeDirectories(path) => self.make_directories(&path),
                Change::Rename { from, to } => {
                    self.rename(&from, &to)?;
                }
                other => panic!("the stand-in does not know {other:?}"),
            }
        }
        Ok(Reply::Done)
    }
}

/// Small pages, so that paging happens in tests.
fn page(mut entries: Vec<FileStatus>) -> Reply {
    const PAGE: usize = 3;
    let more = entries.len() > PAGE;
    entries.truncate(PAGE);
    Reply::Listing { entries, more }
}
