//! Calls of clients: repeats get the answer that was given, reads are answered, changes are made and written down.

use super::{
    Core,
    change::Changes,
    event::{Mutation, Ticket},
};
use crate::{
    ClientId, FileId, FsPath, WorkerId, limits,
    protocol::namespace::{FileKind, NamespaceAnswer, NamespaceCall, NamespaceError, Operation, Reply},
};

/// Who calls, as the operations need it.
pub(super) struct Caller {
    pub client: ClientId,
    pub user: String,
    pub worker: Option<WorkerId>,
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
        let mut changes = self.changes();
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
        limit("the length of the user's name", caller.user.len(), limits::PRINCIPAL_BYTES_MAX)?;
        match operation {
            Operation::Create { path, overwrite, replication, block_bytes } => {
                self.create(changes, caller, &path, overwrite, replication, block_bytes)
            }
            Operation::AddBlock { file, previous, exclude } => {
                self.add_block(changes, caller, file, previous, &exclude)
            }
            Operation::AbandonBlock { file, block } => self.abandon_block(changes, caller, file, block),
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
                self.rename(changes, &from, &to, replace, None).map(|()| Reply::Done)
            }
            Operation::Delete { path, recursive } => {
                self.delete(changes, &path, recursive).map(|existed| Reply::Deleted { existed })
            }
            Operation::Transaction(transaction) => self.transaction(changes, caller, transaction),
            Operation::ReportCorrupt { block, generation, worker } => {
                self.look_into(block, generation, worker);
                Ok(Reply::Done)
            }
            other => self.set_attribute(changes, other),
        }
    }

    fn set_attribute(&mut self, changes: &mut Changes, operation: Operation) -> NamespaceAnswer {
        let mutation = match operation {
            Operation::SetReplication { path, replication } => {
                limit("the replication", usize::from(replication), usize::from(limits::REPLICATION_MAX))?;
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
                for name in [&owner, &group].into_iter().flatten() {
                    limit(
                        "the length of an owner's or group's name",
                        name.len(),
                        limits::PRINCIPAL_BYTES_MAX,
                    )?;
                }
                Mutation::SetOwner { id: self.node_at(&path)?.id, owner, group }
            }
            // Renewed by the call itself; everything else was answered before.
            _ => return Ok(Reply::Done),
        };
        self.make(changes, mutation);
        Ok(Reply::Done)
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

    /// The file, if this client has its lease.
    pub(super) fn writes(
        &self,
        client: ClientId,
        file: FileId,
    ) -> Result<&super::tree::File, NamespaceError> {
        let entry = self.durable.tree.get(file).and_then(|node| node.file());
        let writer = super::tree::Writer::Client(client);
        entry.filter(|entry| entry.writer == Some(writer)).ok_or_else(|| NamespaceError::LeaseLost {
            path: self.durable.tree.path_of(file).map_or_else(|| file.to_string(), |path| path.to_string()),
            client,
        })
    }
}

pub(super) fn limit(what: &str, given: usize, limit: usize) -> Result<(), NamespaceError> {
    let (given, limit) = (given as u64, limit as u64);
    if given > limit { Err(NamespaceError::Limit { what: what.to_owned(), given, limit }) } else { Ok(()) }
}
