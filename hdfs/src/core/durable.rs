//! The part of the namespace that survives a restart, changed by [`Mutation`]s alone: live and in replay the same way.

use super::{
    calls::Calls,
    event::{Mutation, Record, Tick},
    keyed::Keyed,
    tree::{Body, File, Node, Tree, Writer},
};
use crate::{BlockId, FileId, Generation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A block as the namespace promised it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub file: FileId,
    pub generation: Generation,
    /// Of the file's bytes; 0 until it is committed.
    pub len_bytes: u64,
    /// Its writer finished it. The last block of an open file may not be.
    pub committed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durable {
    pub tree: Tree,
    pub blocks: BTreeMap<BlockId, Block>,
    pub keyed: Keyed,
    pub calls: Calls,
    pub next_block: u64,
    pub next_generation: u64,
}

/// What a mutation did beyond the durable state: the volatile side must follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The block belongs to no file any more.
    Freed(BlockId),
    /// Its wanted or existing replicas may have changed.
    Touched(BlockId),
}

impl Default for Durable {
    fn default() -> Durable {
        Durable::new()
    }
}

impl Durable {
    /// An empty namespace: a root and nothing in it.
    pub fn new() -> Durable {
        Durable {
            tree: Tree::new(),
            blocks: BTreeMap::new(),
            keyed: Keyed::default(),
            calls: Calls::default(),
            next_block: 1,
            next_generation: 1,
        }
    }

    /// Applies a whole record, as replay does.
    pub fn replay(&mut self, record: &Record) {
        let mut effects = Vec::new();
        for mutation in &record.changes {
            self.apply(record.at, mutation, &mut effects);
        }
        self.purge(&record.changes, &mut effects);
        if let Some((client, call, answer)) = &record.call {
            self.calls.remember(*client, *call, answer.clone(), record.at);
        }
    }

    /// Applies one change. Removed nodes stay detached until `purge`, so that a refused transaction can be undone.
    pub fn apply(&mut self, at: Tick, mutation: &Mutation, effects: &mut Vec<Effect>) {
        match mutation {
            Mutation::MakeDirectory { id, parent, name, owner, mode } => {
                let body = Body::Directory { children: BTreeMap::new() };
                self.tree.insert(node(*id, owner, *mode, at, body), *parent, name);
            }
            Mutation::CreateFile { id, parent, name, owner, mode, replication, block_bytes, lease } => {
                let file = File {
                    blocks: Vec::new(),
                    replication: *replication,
                    block_bytes: *block_bytes,
                    writer: lease.map(Writer::Client),
                };
                self.tree.insert(node(*id, owner, *mode, at, Body::File(file)), *parent, name);
            }
            Mutation::Unlink { id } => self.tree.detach(*id, at),
            Mutation::Move { id, parent, name, origin } => {
                self.tree.detach(*id, at);
                self.tree.attach(*id, *parent, name, at);
                if let Some(node) = self.tree.get_mut(*id) {
                    node.origin = origin.unwrap_or(0);
                }
            }
            Mutation::TakeGeneration { generation } => {
                self.next_generation = self.next_generation.max(generation.0 + 1);
            }
            Mutation::Put { key, value, version } => self.keyed.put(key.clone(), value.clone(), *version),
            Mutation::Remove { key } => self.keyed.remove(key),
            Mutation::AddBlock { .. }
            | Mutation::CommitBlock { .. }
            | Mutation::DropBlock { .. }
            | Mutation::RaiseGeneration { .. }
            | Mutation::Seize { .. }
            | Mutation::Close { .. }
            | Mutation::SetReplication { .. } => self.apply_to_file(at, mutation, effects),
            Mutation::SetTimes { .. } | Mutation::SetMode { .. } | Mutation::SetOwner { .. } => {
                self.apply_to_attributes(mutation);
            }
        }
    }

    fn apply_to_file(&mut self, at: Tick, mutation: &Mutation, effects: &mut Vec<Effect>) {
        match mutation {
            Mutation::AddBlock { file, block, generation } => {
                self.next_block = self.next_block.max(block.0 + 1);
                self.next_generation = self.next_generation.max(generation.0 + 1);
                if let Some(entry) = self.tree.file_mut(*file) {
                    entry.blocks.push(*block);
                    let fresh =
                        Block { file: *file, generation: *generation, len_bytes: 0, committed: false };
                    self.blocks.insert(*block, fresh);
                }
            }
            Mutation::CommitBlock { block, generation, len_bytes } => {
                if let Some(entry) = self.blocks.get_mut(block) {
                    entry.generation = *generation;
                    entry.len_bytes = *len_bytes;
                    entry.committed = true;
                    effects.push(Effect::Touched(*block));
                }
            }
            Mutation::DropBlock { block } => {
                if let Some(entry) = self.blocks.get(block).copied()
                    && let Some(file) = self.tree.file_mut(entry.file)
                {
                    file.blocks.retain(|other| other != block);
                }
                self.free(*block, effects);
            }
            Mutation::RaiseGeneration { block, generation } => {
                self.next_generation = self.next_generation.max(generation.0 + 1);
                if let Some(entry) = self.blocks.get_mut(block) {
                    entry.generation = *generation;
                    effects.push(Effect::Touched(*block));
                }
            }
            Mutation::Seize { file } => {
                if let Some(entry) = self.tree.file_mut(*file) {
                    entry.writer = Some(Writer::Namespace);
                }
            }
            Mutation::Close { file } => {
                if let Some(node) = self.tree.get_mut(*file) {
                    node.modified = at;
                }
                if let Some(entry) = self.tree.file_mut(*file) {
                    entry.writer = None;
                    effects.extend(entry.blocks.iter().map(|block| Effect::Touched(*block)));
                }
            }
            Mutation::SetReplication { file, replication } => {
                if let Some(entry) = self.tree.file_mut(*file) {
                    entry.replication = *replication;
                    effects.extend(entry.blocks.iter().map(|block| Effect::Touched(*block)));
                }
            }
            _ => {}
        }
    }

    fn apply_to_attributes(&mut self, mutation: &Mutation) {
        match mutation {
            Mutation::SetTimes { id, modified_ms, accessed_ms } => {
                if let Some(node) = self.tree.get_mut(*id) {
                    node.modified = modified_ms.map_or(node.modified, Tick);
                    node.accessed = accessed_ms.map_or(node.accessed, Tick);
                }
            }
            Mutation::SetMode { id, mode } => {
                if let Some(node) = self.tree.get_mut(*id) {
                    node.mode = *mode;
                }
            }
            Mutation::SetOwner { id, owner, group } => {
                if let Some(node) = self.tree.get_mut(*id) {
                    if let Some(owner) = owner {
                        node.owner = owner.as_str().into();
                    }
                    if let Some(group) = group {
                        node.group = group.as_str().into();
                    }
                }
            }
            _ => {}
        }
    }

    /// Forgets what the changes of one record unlinked.
    pub fn purge(&mut self, changes: &[Mutation], effects: &mut Vec<Effect>) {
        for change in changes {
            if let Mutation::Unlink { id } = change
                && self.tree.get(*id).is_some_and(|node| node.parent.is_none())
            {
                for block in self.tree.purge(*id) {
                    self.free(block, effects);
                }
            }
        }
    }

    fn free(&mut self, block: BlockId, effects: &mut Vec<Effect>) {
        if self.blocks.remove(&block).is_some() {
            effects.push(Effect::Freed(block));
        }
    }
}

fn node(id: FileId, owner: &str, mode: u16, at: Tick, body: Body) -> Node {
    Node {
        id,
        parent: None,
        name: "".into(),
        owner: owner.into(),
        group: "skep".into(),
        mode,
        modified: at,
        accessed: at,
        origin: 0,
        body,
    }
}
