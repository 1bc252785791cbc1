//! Directories and files: who lies where under which name. Knows blocks as numbers only.

use super::event::Tick;
use crate::{
    BlockId, ClientId, FileId, FsPath,
    protocol::namespace::{FileKind, NamespaceError},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

pub const ROOT: FileId = FileId(1);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub id: FileId,
    /// `None`: the root, or detached (removed, and kept until its event is over).
    pub parent: Option<FileId>,
    pub name: Arc<str>,
    pub owner: Arc<str>,
    pub group: Arc<str>,
    pub mode: u16,
    pub modified: Tick,
    pub accessed: Tick,
    /// Fingerprint of the path that a transaction moved it from; 0: none did.
    pub origin: u64,
    pub body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    Directory { children: BTreeMap<Arc<str>, FileId> },
    File(File),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub blocks: Vec<BlockId>,
    pub replication: u16,
    pub block_bytes: u64,
    /// Who may change it; a closed file has nobody.
    pub writer: Option<Writer>,
}

/// ```text
///            Create                   Complete
///   (new) ───────────► Client(c) ──────────────────────────────────► closed
///                          │ silent for too long              ▲
///                          └──────────► Namespace ────────────┘
///                                       its last block is agreed on by its holders, or dropped
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Writer {
    Client(ClientId),
    /// Taken from a client that fell silent.
    Namespace,
}

impl Node {
    pub fn kind(&self) -> FileKind {
        match self.body {
            Body::Directory { .. } => FileKind::Directory,
            Body::File(_) => FileKind::File,
        }
    }

    pub fn file(&self) -> Option<&File> {
        match &self.body {
            Body::File(file) => Some(file),
            Body::Directory { .. } => None,
        }
    }

    pub fn children(&self) -> Option<&BTreeMap<Arc<str>, FileId>> {
        match &self.body {
            Body::Directory { children } => Some(children),
            Body::File(_) => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    nodes: BTreeMap<FileId, Node>,
    files: u64,
    pub next_id: u64,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::new()
    }
}

impl Tree {
    /// A root and nothing in it.
    pub fn new() -> Tree {
        let root = Node {
            id: ROOT,
            parent: None,
            name: "".into(),
            owner: "skep".into(),
            group: "skep".into(),
            mode: 0o755,
            modified: Tick(0),
            accessed: Tick(0),
            origin: 0,
            body: Body::Directory { children: BTreeMap::new() },
        };
        Tree { nodes: BTreeMap::from([(ROOT, root)]), files: 0, next_id: ROOT.0 + 1 }
    }

    pub fn get(&self, id: FileId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    pub fn get_mut(&mut self, id: FileId) -> Option<&mut Node> {
        self.nodes.get_mut(&id)
    }

    pub fn file_mut(&mut self, id: FileId) -> Option<&mut File> {
        match self.nodes.get_mut(&id).map(|node| &mut node.body) {
            Some(Body::File(file)) => Some(file),
            _ => None,
        }
    }

    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    pub fn file_count(&self) -> u64 {
        self.files
    }

    /// The node at `path`. A file in the middle of the path is an error of its own.
    pub fn find(&self, path: &FsPath) -> Result<&Node, NamespaceError> {
        let mut node = self.nodes.get(&ROOT);
        for part in path.components() {
            let Some(here) = node else { break };
            let Some(children) = here.children() else {
                return Err(NamespaceError::NotDirectory(path.clone()));
            };
            node = children.get(part).and_then(|id| self.nodes.get(id));
        }
        node.ok_or_else(|| NamespaceError::NotFound(path.clone()))
    }

    /// As `find`, with "not there" as `None`.
    pub fn look(&self, path: &FsPath) -> Result<Option<&Node>, NamespaceError> {
        match self.find(path) {
            Ok(node) => Ok(Some(node)),
            Err(NamespaceError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The path of a node that is in the tree.
    pub fn path_of(&self, id: FileId) -> Option<FsPath> {
        let mut names = Vec::new();
        let mut node = self.nodes.get(&id)?;
        while let Some(parent) = node.parent {
            names.push(Arc::clone(&node.name));
            node = self.nodes.get(&parent)?;
        }
        if node.id != ROOT {
            return None;
        }
        let mut path = String::new();
        for name in names.iter().rev() {
            path.push('/');
            path.push_str(name);
        }
        if path.is_empty() { Some(FsPath::root()) } else { path.parse().ok() }
    }

    /// Whether `id` is `ancestor` or below it.
    pub fn is_within(&self, id: FileId, ancestor: FileId) -> bool {
        let mut node = self.nodes.get(&id);
        while let Some(here) = node {
            if here.id == ancestor {
                return true;
            }
            node = here.parent.and_then(|parent| self.nodes.get(&parent));
        }
        false
    }

    /// Every id at or below `id`, parents first.
    pub fn subtree(&self, id: FileId) -> Vec<FileId> {
        let mut found = vec![id];
        let mut next = 0;
        while let Some(id) = found.get(next).copied() {
            next += 1;
            if let Some(children) = self.nodes.get(&id).and_then(Node::children) {
                found.extend(children.values());
            }
        }
        found
    }

    /// The most components, and the most bytes, of a path from `id` (not counted) to something below it.
    pub fn extent(&self, id: FileId) -> (usize, usize) {
        let mut longest = (0, 0);
        let mut open = vec![(id, 0, 0)];
        while let Some((id, components, bytes)) = open.pop() {
            longest = (longest.0.max(components), longest.1.max(bytes));
            let children = self.nodes.get(&id).and_then(Node::children).into_iter().flatten();
            open.extend(children.map(|(name, id)| (*id, components + 1, bytes + 1 + name.len())));
        }
        longest
    }

    pub fn insert(&mut self, node: Node, parent: FileId, name: &str) {
        let id = node.id;
        self.next_id = self.next_id.max(id.0 + 1);
        let at = node.modified;
        self.files += u64::from(node.kind() == FileKind::File);
        self.nodes.insert(id, node);
        self.attach(id, parent, name, at);
    }

    pub fn attach(&mut self, id: FileId, parent: FileId, name: &str, at: Tick) {
        let name: Arc<str> = name.into();
        if let Some(Node { body: Body::Directory { children }, modified, .. }) = self.nodes.get_mut(&parent) {
            children.insert(Arc::clone(&name), id);
            *modified = at;
        }
        if let Some(node) = self.nodes.get_mut(&id) {
            node.parent = Some(parent);
            node.name = name;
        }
    }

    /// Takes a node out of its directory; it and what is below it stay known until `purge`.
    pub fn detach(&mut self, id: FileId, at: Tick) {
        let Some((parent, name)) =
            self.nodes.get(&id).and_then(|node| Some((node.parent?, Arc::clone(&node.name))))
        else {
            return;
        };
        if let Some(Node { body: Body::Directory { children }, modified, .. }) = self.nodes.get_mut(&parent)
            && children.get(&name) == Some(&id)
        {
            children.remove(&name);
            *modified = at;
        }
        if let Some(node) = self.nodes.get_mut(&id) {
            node.parent = None;
        }
    }

    /// Forgets a detached node and all below it; their blocks are returned.
    pub fn purge(&mut self, id: FileId) -> Vec<BlockId> {
        let mut blocks = Vec::new();
        for id in self.subtree(id) {
            if let Some(Node { body: Body::File(file), .. }) = self.nodes.remove(&id) {
                self.files -= 1;
                blocks.extend(file.blocks);
            }
        }
        blocks
    }
}
