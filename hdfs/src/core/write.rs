//! Way 1 as the namespace sees it: a file is created, gets blocks one after the other, and is completed.
//!
//! Of an open file only the last block may be unfinished. A writer finishes it by naming it in the next `AddBlock` or
//! in `Complete`, or gives it up with `AbandonBlock`; anything else is refused, so that no block is lost on the way.

use super::{
    Core,
    call::{Caller, limit},
    change::Changes,
    event::{Mutation, Tick, Ticket},
    place,
    tree::Writer,
};
use crate::{
    BlockId, ClientId, FileId, FsPath, Generation, WorkerId, limits,
    protocol::namespace::{FileKind, NamespaceAnswer, NamespaceError, NewBlock, Reply, WrittenBlock},
};
use std::collections::BTreeMap;

/// Calls to `Complete` that wait for a first durable replica of some block of one file.
pub(super) type Waiting = BTreeMap<(ClientId, u64), (Ticket, Tick)>;

impl Core {
    pub(super) fn create(
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
        limit("the replication", usize::from(replication), usize::from(limits::REPLICATION_MAX))?;
        if let Some(there) = self.durable.tree.look(path)? {
            let (id, kind, writer) = (there.id, there.kind(), there.file().and_then(|file| file.writer));
            if kind == FileKind::Directory {
                return Err(NamespaceError::IsDirectory(path.clone()));
            }
            if let Some(Writer::Client(holder)) = writer
                && holder != caller.client
            {
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

    pub(super) fn add_block(
        &mut self,
        changes: &mut Changes,
        caller: &Caller,
        file: FileId,
        previous: Option<WrittenBlock>,
        exclude: &[WorkerId],
    ) -> NamespaceAnswer {
        let entry = self.writes(caller.client, file)?;
        let block = BlockId(self.durable.next_block);
        let wish = place::Wish {
            count: usize::from(entry.replication),
            block_bytes: entry.block_bytes,
            writer: caller.worker,
            spread: block.0,
            near: &[],
        };
        let targets = place::targets(&self.replicas, &wish, exclude);
        let targets = targets.map_err(|refused| NamespaceError::NoTarget {
            path: self.path_of(file),
            live: refused.live,
            excluded: refused.excluded,
            full: refused.full,
        })?;
        self.finish_block(changes, file, previous)?;
        let generation = Generation(self.durable.next_generation);
        self.make(changes, Mutation::AddBlock { file, block, generation });
        for target in &targets {
            self.replicas.begin_writing(block, target.worker);
        }
        Ok(Reply::Block(NewBlock { block, generation, targets }))
    }

    /// Believes the writer about where its block is durable; the workers say the same a moment later. Refuses before it
    /// changes anything.
    fn finish_block(
        &mut self,
        changes: &mut Changes,
        file: FileId,
        written: Option<WrittenBlock>,
    ) -> Result<(), NamespaceError> {
        let unfinished = self.unfinished_block(file);
        let Some(WrittenBlock { block, generation, len_bytes, replicas }) = written else {
            return unfinished
                .map_or(Ok(()), |block| Err(NamespaceError::Unfinished { path: self.path_of(file), block }));
        };
        let stale = NamespaceError::StaleBlock { path: self.path_of(file), block, generation };
        let Some(facts) = self.durable.blocks.get(&block).copied().filter(|facts| facts.file == file) else {
            return Err(stale);
        };
        // The last block, finished already, is named again by a repeat of a call that was half done.
        let last = self.durable.tree.get(file).and_then(|node| node.file()?.blocks.last().copied());
        let is_repeat = facts.committed && last == Some(block) && facts.len_bytes == len_bytes;
        if generation != facts.generation || !(is_repeat || unfinished == Some(block)) {
            return Err(stale);
        }
        if !facts.committed {
            self.make(changes, Mutation::CommitBlock { block, generation, len_bytes });
            self.finished(block, generation, &replicas);
        }
        Ok(())
    }

    /// These workers hold the block. What others have of it is stale if it is older; one of them that finishes its own
    /// in time says so itself.
    pub(super) fn finished(&mut self, block: BlockId, generation: Generation, holders: &[WorkerId]) {
        for worker in holders {
            self.replicas.trust(block, *worker, self.now);
        }
        let older = Generation(generation.0.saturating_sub(1));
        for worker in self.replicas.leave_pipeline(block) {
            self.erase(worker, block, older);
        }
    }

    pub(super) fn abandon_block(
        &mut self,
        changes: &mut Changes,
        caller: &Caller,
        file: FileId,
        block: BlockId,
    ) -> NamespaceAnswer {
        self.writes(caller.client, file)?;
        if self.unfinished_block(file) == Some(block) {
            self.make(changes, Mutation::DropBlock { block });
        }
        Ok(Reply::Done)
    }

    pub(super) fn renew_pipeline(
        &mut self,
        changes: &mut Changes,
        caller: &Caller,
        file: FileId,
        block: BlockId,
        survivors: &[WorkerId],
    ) -> NamespaceAnswer {
        self.writes(caller.client, file)?;
        let generation = Generation(self.durable.next_generation);
        if self.unfinished_block(file) != Some(block) {
            return Err(NamespaceError::StaleBlock { path: self.path_of(file), block, generation });
        }
        self.make(changes, Mutation::RaiseGeneration { block, generation });
        self.replicas.restart_pipeline(block, survivors);
        Ok(Reply::Generation(generation))
    }

    /// Closes a file, now or as soon as each of its blocks has a finalised replica.
    pub(super) fn complete(
        &mut self,
        ticket: Ticket,
        client: ClientId,
        call: u64,
        file: FileId,
        last: Option<WrittenBlock>,
    ) {
        let mut changes = self.changes();
        let finished = self.writes(client, file).map(|_| ());
        if let Err(error) = finished.and_then(|()| self.finish_block(&mut changes, file, last)) {
            return self.answer(ticket, Err(error));
        }
        if self.undurable_blocks(file) == 0 {
            self.make(&mut changes, Mutation::Close { file });
            let answer = self.status_of(file).map(Reply::Status);
            self.persist(Some((client, call, answer.clone())), changes.made, changes.effects);
            return self.answer(ticket, answer);
        }
        if !changes.made.is_empty() {
            self.persist(None, changes.made, changes.effects);
        }
        let waiting = self.completing.entry(file).or_default();
        if let Some((repeated, _)) = waiting.insert((client, call), (ticket, self.now)) {
            let error = self.not_durable(file);
            self.answer(repeated, Err(error));
        }
    }

    /// Something changed about these files: calls that wait for them may be answered now.
    pub(super) fn settle(&mut self) {
        while let Some(file) = self.settling.pop_first() {
            let entry = self.durable.tree.get(file).and_then(|node| node.file());
            let is_written = matches!(entry.and_then(|entry| entry.writer), Some(Writer::Client(_)));
            if !is_written || self.undurable_blocks(file) == 0 {
                for ((client, call), (ticket, _)) in self.completing.remove(&file).unwrap_or_default() {
                    // Finds each block finished: what was named was taken when the call came.
                    self.complete(ticket, client, call, file, None);
                }
            }
        }
    }

    /// A caller that waits in vain is told so before it gives up: it asks again, and an operator may read why.
    pub(super) fn end_long_waits(&mut self) {
        let long = limits::COMPLETE_WAIT.as_millis() as u64;
        let mut late = Vec::new();
        for (file, waiting) in &mut self.completing {
            waiting.retain(|_, (ticket, since)| {
                let waits = self.now.since(*since) < long;
                if !waits {
                    late.push((*file, *ticket));
                }
                waits
            });
        }
        self.completing.retain(|_, waiting| !waiting.is_empty());
        for (file, ticket) in late {
            let error = self.not_durable(file);
            self.answer(ticket, Err(error));
        }
    }

    fn not_durable(&self, file: FileId) -> NamespaceError {
        NamespaceError::NotDurable { path: self.path_of(file), missing: self.undurable_blocks(file) as u64 }
    }

    fn path_of(&self, file: FileId) -> FsPath {
        self.durable.tree.path_of(file).unwrap_or_else(FsPath::root)
    }

    /// Blocks without a durable replica that anybody knows of; none for a file that is no more.
    fn undurable_blocks(&self, file: FileId) -> usize {
        let Some(entry) = self.durable.tree.get(file).and_then(|node| node.file()) else { return 0 };
        let durable = |block: &&BlockId| {
            self.durable.blocks.get(block).is_some_and(|facts| facts.committed)
                && self.replicas.has_holder(**block)
        };
        entry.blocks.iter().filter(|block| !durable(block)).count()
    }
}
