//! Calls that change the namespace: what each checks, what it changes, what it answers.

use super::{
    Core,
    change::Changes,
    event::{Mutation, Ticket},
    place,
};
use crate::{
    BlockId, ClientId, FileId, FsPath, Generation, WorkerId, limits,
    protocol::namespace::{
        Change, Expect, FileKind, NamespaceAnswer, NamespaceCall, NamespaceError, NewBlock, Operation, Reply,
        Transaction, WrittenBlock,
    },
};

/// Who calls, as the operations need it.
struct Caller {
    client: ClientId,
    user: String,
    worker: Option<WorkerId>,
}

impl Core {
    pub(super) fn call(&mut self, ticket: Ticket, call: NamespaceCall) {
        self.leases.renew(call.client, self.now);
        if let Some(answer) = self.durable.calls.recall(call.client, call.call) {
            let answer = answer.clone();
            return self.answer(ticket, answer);
        }
        if let Some(answer) = self.read(&call.operation) {
            return self.answer(ticket, answer);
        }
        if let Operation::Complete { file, last } = call.operation {
            return self.complete(ticket, call.client, call.call, file, last);
        }
        let mut changes = Changes::default();
        let caller = Caller { client: call.client, user: call.user, worker: call.worker };
        match self.change(&mut changes, &caller, call.operation) {
            Ok(reply) => {
                let answer = Ok(reply);
                if !changes.made.is_empty() {
                    let call = Some((caller.client, call.call, answer.clone()));
                    self.persist(call, changes.made, changes.effects);
                }
                self.answer(ticket, answer);
            }
            Err(error) => {
                self.undo(changes);
                self.answer(ticket, Err(error));
            }
        }
    }

    fn change(&mut self, changes: &mut Changes, caller: &Caller, operation: Operation) -> NamespaceAnswer {
        match operation {
            Operation::Create { path, overwrite, replication, block_bytes } => {
                self.create(changes, caller, &path, overwrite, replication, block_bytes)
            }
            Operation::AddBlock { file, previous, exclude } => {
                self.add_block(changes, caller, file, previous, &exclude)
            }
            Operation::AbandonBlock { file, block } => {
                self.writes(caller.client, file)?;
                if self.durable.blocks.get(&block).is_some_and(|facts| facts.file == file && !facts.committed)
                {
                    self.make(changes, Mutation::DropBlock { block });
                }
                Ok(Reply::Done)
            }
            Operation::RenewPipeline { file, block, survivors } => {
                self.renew_pipeline(changes, caller, file, block, &survivors)
            }
            Operation::Abandon { file } => {
                self.writes(caller.client, file)?;
                self.make(changes, Mutation::Unlink { id: file });
                Ok(Reply::Done)
            }
            Operation::MakeDirectory { path, parents } => {
                self.make_directory(changes, caller, &path, parents)
            }
            Operation::Rename { from, to, replace } => {
                self.rename(changes, &from, &to, replace).map(|()| Reply::Done)
            }
            Operation::Delete { path, recursive } => {
                self.delete(changes, &path, recursive).map(|existed| Reply::Deleted { existed })
            }
            Operation::Transaction(transaction) => self.transaction(changes, caller, transaction),
            Operation::ReportCorrupt { block, generation, worker } => {
                self.suspect_replica(block, generation, worker);
                Ok(Reply::Done)
            }
            other => self.set_attribute(changes, other),
        }
    }

    fn set_attribute(&mut self, changes: &mut Changes, operation: Operation) -> NamespaceAnswer {
        let mutation = match operation {
            Operation::SetReplication { path, replication } => {
                limit("the replication", u64::from(replication), u64::from(limits::REPLICATION_MAX))?;
                let node = self.node_at(&path)?;
                if node.kind() == FileKind::Directory {
                    return Err(NamespaceError::IsDirectory(path));
                }
                Mutation::SetReplication { file: node.id, replication: replication.max(1) }
            }
            Operation::SetTimes { path, modified_ms, accessed_ms } => {
                Mutation::SetTimes { id: self.node_at(&path)?.id, modified_ms, accessed_ms }
            }
            Operation::SetPermission { path, mode } => {
                Mutation::SetMode { id: self.node_at(&path)?.id, mode: mode & 0o7777 }
            }
            Operation::SetOwner { path, owner, group } => {
                Mutation::SetOwner { id: self.node_at(&path)?.id, owner, group }
            }
            // Renewed by the call itself; everything else was answered before.
            _ => return Ok(Reply::Done),
        };
        self.make(changes, mutation);
        Ok(Reply::Done)
    }

    fn create(
        &mut self,
        changes: &mut Changes,
        caller: &Caller,
        path: &FsPath,
        overwrite: bool,
        replication: Option<u16>,
        block_bytes: Option<u64>,
    ) -> NamespaceAnswer {
        let replication = replication.unwrap_or(limits::REPLICATION_DEFAULT).max(1);
        let block_bytes = block_bytes.unwrap_or(limits::BLOCK_BYTES_DEFAULT).max(limits::BLOCK_BYTES_MIN);
        limit("the replication", u64::from(replication), u64::from(limits::REPLICATION_MAX))?;
        if let Some(there) = self.durable.tree.look(path)? {
            let (id, kind, writer) = (there.id, there.kind(), there.file().and_then(|file| file.lease));
            if kind == FileKind::Directory {
                return Err(NamespaceError::IsDirectory(path.clone()));
            }
            if let Some(holder) = writer.filter(|holder| *holder != caller.client) {
                let idle_ms = self.leases.idle_ms(holder, self.now);
                if idle_ms < limits::LEASE_SOFT.as_millis() as u64 {
                    return Err(NamespaceError::Leased { path: path.clone(), holder, idle_ms });
                }
            }
            if !overwrite {
                return Err(NamespaceError::Exists(path.clone()));
            }
            self.make(changes, Mutation::Unlink { id });
        }
        let file =
            self.make_file(changes, path, &caller.user, replication, block_bytes, Some(caller.client))?;
        Ok(Reply::Created { file, replication, block_bytes })
    }

    fn add_block(
        &mut self,
        changes: &mut Changes,
        caller: &Caller,
        file: FileId,
        previous: Option<WrittenBlock>,
        exclude: &[WorkerId],
    ) -> NamespaceAnswer {
        let entry = self.writes(caller.client, file)?;
        let (count, block_bytes) = (usize::from(entry.replication), entry.block_bytes);
        let block = BlockId(self.durable.next_block);
        let targets = place::targets(&self.replicas, count, block_bytes, caller.worker, exclude, block.0);
        let targets = targets.map_err(|refused| NamespaceError::NoTarget {
            path: self.durable.tree.path_of(file).unwrap_or_else(FsPath::root),
            live: refused.live,
            excluded: refused.excluded,
            full: refused.full,
        })?;
        self.commit_block(changes, file, previous)?;
        let generation = Generation(self.durable.next_generation);
        self.make(changes, Mutation::AddBlock { file, block, generation });
        for target in &targets {
            if let Some(worker) = self.replicas.workers.get_mut(&target.worker) {
                worker.writing.insert(block);
            }
        }
        Ok(Reply::Block(NewBlock { block, generation, targets }))
    }

    /// Believes the writer about where the block is durable; workers report the same a moment later.
    fn commit_block(
        &mut self,
        changes: &mut Changes,
        file: FileId,
        written: Option<WrittenBlock>,
    ) -> Result<(), NamespaceError> {
        let Some(WrittenBlock { block, generation, len_bytes, replicas }) = written else { return Ok(()) };
        let Some(facts) = self.durable.blocks.get(&block).copied().filter(|facts| facts.file == file) else {
            return Ok(());
        };
        if facts.committed || generation != facts.generation {
            return Ok(());
        }
        self.make(changes, Mutation::CommitBlock { block, generation, len_bytes });
        for worker in replicas {
            self.replicas.add(block, worker);
        }
        Ok(())
    }

    fn renew_pipeline(
        &mut self,
        changes: &mut Changes,
        caller: &Caller,
        file: FileId,
        block: BlockId,
        survivors: &[WorkerId],
    ) -> NamespaceAnswer {
        self.writes(caller.client, file)?;
        let generation = Generation(self.durable.next_generation);
        if self.durable.blocks.get(&block).is_some_and(|facts| facts.file == file && !facts.committed) {
            self.make(changes, Mutation::RaiseGeneration { block, generation });
            for (id, worker) in &mut self.replicas.workers {
                if survivors.contains(id) {
                    worker.writing.insert(block);
                } else {
                    worker.writing.remove(&block);
                }
            }
        }
        Ok(Reply::Generation(generation))
    }

    fn make_directory(
        &mut self,
        changes: &mut Changes,
        caller: &Caller,
        path: &FsPath,
        parents: bool,
    ) -> NamespaceAnswer {
        if !parents {
            if self.durable.tree.look(path)?.is_some() {
                return Err(NamespaceError::Exists(path.clone()));
            }
            if let Some(parent) = path.parent() {
                self.durable.tree.find(&parent)?;
            }
        }
        if self.durable.tree.look(path)?.is_some_and(|node| node.kind() == FileKind::File) {
            return Err(NamespaceError::Exists(path.clone()));
        }
        self.make_directories(changes, path, &caller.user).map(|_| Reply::Done)
    }

    /// A repeat of a whole transaction by its own client is answered from memory. When another client repeats one whose
    /// outcome it does not know, a `from` that is gone while `to` is there counts as moved.
    fn transaction(
        &mut self,
        changes: &mut Changes,
        caller: &Caller,
        transaction: Transaction,
    ) -> NamespaceAnswer {
        let count = (transaction.changes.len() + transaction.expect.len()) as u64;
        limit("the number of changes of a transaction", count, limits::PUBLISH_ENTRIES_MAX as u64)?;
        for expect in &transaction.expect {
            match expect {
                Expect::Absent(path) if self.durable.tree.look(path)?.is_some() => {
                    return Err(NamespaceError::ExpectedAbsent(path.clone()));
                }
                Expect::Exists(path) if self.durable.tree.look(path)?.is_none() => {
                    return Err(NamespaceError::ExpectedPresent(path.clone()));
                }
                Expect::KeyVersion(key, expected) if self.durable.keyed.version(key) != *expected => {
                    let (key, expected, found) = (key.clone(), *expected, self.durable.keyed.version(key));
                    return Err(NamespaceError::VersionConflict { key, expected, found });
                }
                _ => {}
            }
        }
        // Keys cannot fail, so they come last and need no undoing.
        let (keys, names): (Vec<Change>, Vec<Change>) = transaction
            .changes
            .into_iter()
            .partition(|change| matches!(change, Change::Put { .. } | Change::Remove { .. }));
        for change in names {
            self.change_name(changes, caller, change)?;
        }
        for change in keys {
            match change {
                Change::Put { key, value } => {
                    let version = self.durable.keyed.next_version.max(1);
                    self.make(changes, Mutation::Put { key, value, version });
                }
                Change::Remove { key } => self.make(changes, Mutation::Remove { key }),
                _ => {}
            }
        }
        Ok(Reply::Done)
    }

    fn change_name(
        &mut self,
        changes: &mut Changes,
        caller: &Caller,
        change: Change,
    ) -> Result<(), NamespaceError> {
        match change {
            Change::MakeDirectories(path) => self.make_directories(changes, &path, &caller.user).map(|_| ()),
            Change::Rename { from, to } => {
                if self.durable.tree.look(&from)?.is_none() && self.durable.tree.look(&to)?.is_some() {
                    return Ok(());
                }
                if let Some(parent) = to.parent() {
                    self.make_directories(changes, &parent, &caller.user)?;
                }
                self.rename(changes, &from, &to, true)
            }
            Change::CreateEmpty(path) => match self.durable.tree.look(&path)?.map(|node| node.kind()) {
                Some(FileKind::File) => Ok(()),
                Some(FileKind::Directory) => Err(NamespaceError::IsDirectory(path)),
                None => {
                    let (replication, bytes) = (limits::REPLICATION_DEFAULT, limits::BLOCK_BYTES_DEFAULT);
                    self.make_file(changes, &path, &caller.user, replication, bytes, None).map(|_| ())
                }
            },
            Change::Delete(path) => self.delete(changes, &path, true).map(|_| ()),
            Change::Put { .. } | Change::Remove { .. } => Ok(()),
        }
    }

    /// Closes a file, now or as soon as each of its blocks has a finalised replica.
    fn complete(
        &mut self,
        ticket: Ticket,
        client: ClientId,
        call: u64,
        file: FileId,
        last: Option<WrittenBlock>,
    ) {
        let mut changes = Changes::default();
        if let Err(error) = self.writes(client, file).map(|_| ()) {
            return self.answer(ticket, Err(error));
        }
        if let Err(error) = self.commit_block(&mut changes, file, last) {
            return self.answer(ticket, Err(error));
        }
        if !changes.made.is_empty() {
            self.persist(None, changes.made, changes.effects);
        }
        self.completing.entry(file).or_default().push((ticket, client, call));
    }

    /// Closes the files whose every block is durable somewhere, and answers those who wait for it.
    pub(super) fn finish_completing(&mut self) {
        let ready: Vec<FileId> =
            self.completing.keys().copied().filter(|file| self.undurable_blocks(*file) == 0).collect();
        for file in ready {
            for (ticket, client, call) in self.completing.remove(&file).unwrap_or_default() {
                let answer = match (self.durable.calls.recall(client, call), self.writes(client, file)) {
                    // The same call, repeated while it waited.
                    (Some(answer), _) => answer.clone(),
                    (None, Ok(_)) => {
                        let changes = vec![Mutation::Close { file }];
                        self.durable.apply(self.now, &changes[0], &mut Vec::new());
                        let answer = self.status_of(file).map(Reply::Status);
                        self.persist(Some((client, call, answer.clone())), changes, Vec::new());
                        self.suspect_blocks(file);
                        answer
                    }
                    (None, Err(error)) => Err(error),
                };
                self.answer(ticket, answer);
            }
        }
    }

    fn suspect_blocks(&mut self, file: FileId) {
        let blocks = self.durable.tree.get(file).and_then(|node| node.file()).map(|file| file.blocks.clone());
        self.replicas.suspects.extend(blocks.unwrap_or_default());
    }

    fn undurable_blocks(&self, file: FileId) -> usize {
        let Some(entry) = self.durable.tree.get(file).and_then(|node| node.file()) else { return 0 };
        let durable = |block: &&BlockId| {
            self.durable.blocks.get(block).is_some_and(|facts| facts.committed)
                && self.replicas.has_holder(**block)
        };
        entry.blocks.iter().filter(|block| !durable(block)).count()
    }

    /// The file, if this client has its lease.
    fn writes(&self, client: ClientId, file: FileId) -> Result<&super::tree::File, NamespaceError> {
        let entry = self.durable.tree.get(file).and_then(|node| node.file());
        entry.filter(|entry| entry.lease == Some(client)).ok_or_else(|| NamespaceError::LeaseLost {
            path: self.durable.tree.path_of(file).map_or_else(|| file.to_string(), |path| path.to_string()),
            client,
        })
    }

    /// A client read bytes that do not match. The worker checks its replica itself and reports it, if it is asked to read
    /// it; here it is enough not to send readers there while others exist.
    fn suspect_replica(&mut self, block: BlockId, generation: Generation, worker: WorkerId) {
        let current = self.durable.blocks.get(&block).is_some_and(|facts| facts.generation == generation);
        if current && self.replicas.holders(block).filter(|holder| *holder != worker).count() > 0 {
            self.bad_replica(block, worker);
        }
    }
}

fn limit(what: &str, given: u64, limit: u64) -> Result<(), NamespaceError> {
    if given > limit { Err(NamespaceError::Limit { what: what.to_owned(), given, limit }) } else { Ok(()) }
}
