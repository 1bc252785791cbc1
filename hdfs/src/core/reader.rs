//! Calls that change nothing.

use super::{
    Core,
    tree::{Body, Node},
};
use crate::{
    FileId, FsPath, WorkerId, limits,
    protocol::namespace::{
        ClusterStatus, FileBlocks, FileStatus, LocatedBlock, NamespaceAnswer, NamespaceError, Operation,
        Reply, Summary,
    },
};
use std::{
    collections::{BTreeMap, btree_map::Range},
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
};

impl Core {
    /// The answer, if the operation only reads.
    pub(super) fn read(&self, operation: &Operation) -> Option<NamespaceAnswer> {
        Some(match operation {
            Operation::Status { path } => {
                self.durable.tree.find(path).map(|node| Reply::Status(self.status(node, path.clone())))
            }
            Operation::Blocks { path, reader } => self.located_blocks(path, *reader),
            Operation::List { path, after } => self.list(path, after.as_deref()),
            Operation::ListTree { path, after } => self.list_tree(path, after.as_ref()),
            Operation::Summary { path } => self.summary(path),
            Operation::Get { key } => Ok(Reply::Value(self.durable.keyed.get(key).cloned())),
            Operation::Scan { prefix, after, limit } => {
                let limit = (*limit as usize).min(limits::LISTING_PAGE);
                Ok(Reply::Values(self.durable.keyed.scan(prefix, after.as_deref(), limit)))
            }
            Operation::Cluster => Ok(Reply::Cluster(self.cluster())),
            Operation::RenewLeases => Ok(Reply::Done),
            _ => return None,
        })
    }

    pub(super) fn status_of(&self, id: FileId) -> Result<FileStatus, NamespaceError> {
        let path = self.durable.tree.path_of(id).unwrap_or_else(FsPath::root);
        let node = self.durable.tree.get(id).ok_or_else(|| NamespaceError::NotFound(path.clone()))?;
        Ok(self.status(node, path))
    }

    fn status(&self, node: &Node, path: FsPath) -> FileStatus {
        let mut status = FileStatus {
            path,
            id: node.id,
            kind: node.kind(),
            len_bytes: 0,
            replication: 0,
            block_bytes: 0,
            modified_ms: node.modified.0,
            accessed_ms: node.accessed.0,
            owner: node.owner.to_string(),
            group: node.group.to_string(),
            mode: node.mode,
            open: false,
            children: 0,
        };
        match &node.body {
            Body::Directory { children } => status.children = children.len() as u64,
            Body::File(file) => {
                status.len_bytes = self.len_bytes(node);
                status.replication = file.replication;
                status.block_bytes = file.block_bytes;
                status.open = file.writer.is_some();
            }
        }
        status
    }

    fn len_bytes(&self, node: &Node) -> u64 {
        let blocks = node.file().map(|file| file.blocks.as_slice()).unwrap_or_default();
        blocks.iter().filter_map(|block| self.durable.blocks.get(block)).map(|facts| facts.len_bytes).sum()
    }

    fn located_blocks(&self, path: &FsPath, reader: Option<WorkerId>) -> NamespaceAnswer {
        let node = self.durable.tree.find(path)?;
        let Some(file) = node.file() else { return Err(NamespaceError::IsDirectory(path.clone())) };
        let mut offset = 0;
        let mut blocks = Vec::with_capacity(file.blocks.len());
        for block in &file.blocks {
            let Some(facts) = self.durable.blocks.get(block).filter(|facts| facts.committed) else {
                continue;
            };
            let mut locations: Vec<_> = self
                .replicas
                .holders(*block)
                .filter_map(|worker| Some(self.replicas.workers.get(&worker)?.location.clone()))
                .collect();
            // The reader's own replica first; the rest in an order that differs from block to block.
            locations.sort_by_key(|location| {
                let order = (u64::from(location.worker.0) ^ block.0).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                (Some(location.worker) != reader, order)
            });
            let (generation, len_bytes) = (facts.generation, facts.len_bytes);
            blocks.push(LocatedBlock { block: *block, generation, offset, len_bytes, locations });
            offset += len_bytes;
        }
        Ok(Reply::Blocks(FileBlocks { status: self.status(node, path.clone()), blocks }))
    }

    fn list(&self, path: &FsPath, after: Option<&str>) -> NamespaceAnswer {
        let node = self.durable.tree.find(path)?;
        let Some(children) = node.children() else {
            let entries = if after.is_none() { vec![self.status(node, path.clone())] } else { Vec::new() };
            return Ok(Reply::Listing { entries, more: false });
        };
        let mut entries = Vec::new();
        for (name, id) in after_name(children, after) {
            if entries.len() == limits::LISTING_PAGE {
                return Ok(Reply::Listing { entries, more: true });
            }
            if let (Some(child), Ok(path)) = (self.durable.tree.get(*id), path.join(name)) {
                entries.push(self.status(child, path));
            }
        }
        Ok(Reply::Listing { entries, more: false })
    }

    /// Depth first, parents before children, in name order at each level. `after` is where the last page ended.
    fn list_tree(&self, path: &FsPath, after: Option<&FsPath>) -> NamespaceAnswer {
        let top = self.durable.tree.find(path)?;
        let mut entries = Vec::new();
        if after.is_none() {
            entries.push(self.status(top, path.clone()));
        }
        // The directories that are being listed, each below the one before, with the rest of their children.
        let mut open = self.open_at(top, path, after.filter(|after| after.is_within(path)));
        while let Some((directory, rest)) = open.last_mut() {
            let Some((name, id)) = rest.next() else {
                open.pop();
                continue;
            };
            let (Some(child), Ok(path)) = (self.durable.tree.get(*id), directory.join(name)) else {
                continue;
            };
            if entries.len() >= limits::LISTING_PAGE {
                return Ok(Reply::Listing { entries, more: true });
            }
            entries.push(self.status(child, path.clone()));
            open.extend(child.children().map(|children| (path, after_name(children, None))));
        }
        Ok(Reply::Listing { entries, more: false })
    }

    /// From `top` down to `after`, the last entry of the page before.
    fn open_at<'a>(
        &'a self,
        top: &'a Node,
        path: &FsPath,
        after: Option<&FsPath>,
    ) -> Vec<(FsPath, Range<'a, Arc<str>, FileId>)> {
        let mut open = Vec::new();
        let (mut node, mut path) = (Some(top), path.clone());
        let mut skip = after.map(FsPath::components).into_iter().flatten().skip(path.components().count());
        while let Some(children) = node.and_then(Node::children) {
            let name = skip.next();
            open.push((path.clone(), after_name(children, name)));
            let Some(name) = name else { break };
            node = children.get(name).and_then(|id| self.durable.tree.get(*id));
            path = path.join(name).unwrap_or(path);
        }
        open
    }

    fn summary(&self, path: &FsPath) -> NamespaceAnswer {
        let top = self.durable.tree.find(path)?.id;
        let mut summary = Summary::default();
        for node in self.durable.tree.subtree(top).into_iter().filter_map(|id| self.durable.tree.get(id)) {
            match &node.body {
                Body::Directory { .. } => summary.directories += 1,
                Body::File(file) => {
                    let len_bytes = self.len_bytes(node);
                    summary.files += 1;
                    summary.len_bytes += len_bytes;
                    summary.stored_bytes += len_bytes * u64::from(file.replication);
                }
            }
        }
        Ok(Reply::Summary(summary))
    }

    pub(super) fn cluster(&self) -> ClusterStatus {
        let mut status = ClusterStatus {
            capacity_bytes: 0,
            used_bytes: 0,
            free_bytes: 0,
            under_replicated_blocks: self.health.under_replicated(self.replicas.takers()) as u64,
            missing_blocks: self.health.missing() as u64,
            corrupt_replicas: self.replicas.corrupt_count() as u64,
            safe_mode: None,
            files: self.durable.tree.file_count(),
            blocks: self.durable.blocks.len() as u64,
        };
        for worker in self.replicas.workers.values() {
            status.capacity_bytes += worker.capacity.total_bytes;
            status.used_bytes += worker.capacity.used_bytes;
            status.free_bytes += worker.capacity.free_bytes;
        }
        status
    }
}

fn after_name<'a>(
    children: &'a BTreeMap<Arc<str>, FileId>,
    after: Option<&str>,
) -> Range<'a, Arc<str>, FileId> {
    let start = after.map_or(Unbounded, |name| Excluded(Arc::from(name)));
    children.range::<Arc<str>, _>((start, Unbounded))
}
