//! Changes of one call, made one after the other, each seeing those before it; written down together or undone together.

use super::{
    Core,
    call::limit,
    durable::Effect,
    event::{Mutation, Tick},
    tree::{Node, ROOT},
};
use crate::{
    FileId, FsPath, limits,
    protocol::namespace::{FileKind, NamespaceError},
};

/// Permissions of new directories and files.
const DIRECTORY_MODE: u16 = 0o755;
const FILE_MODE: u16 = 0o644;

/// What a call has changed so far.
pub struct Changes {
    pub made: Vec<Mutation>,
    pub effects: Vec<Effect>,
    undo: Vec<Undo>,
    next_id: u64,
}

enum Undo {
    /// Take out what was put in.
    Remove(FileId),
    /// Put back to where it was.
    Put { id: FileId, parent: FileId, name: String, origin: u64 },
    /// When a directory was last changed.
    Modified(FileId, Tick),
}

impl Core {
    pub(super) fn changes(&self) -> Changes {
        Changes {
            made: Vec::new(),
            effects: Vec::new(),
            undo: Vec::new(),
            next_id: self.durable.tree.next_id,
        }
    }

    pub(super) fn make(&mut self, changes: &mut Changes, mutation: Mutation) {
        self.prepare_undo(changes, &mutation);
        self.durable.apply(self.now, &mutation, &mut changes.effects);
        changes.made.push(mutation);
    }

    /// Only for changes of names: calls that change anything else cannot fail half-way.
    fn prepare_undo(&self, changes: &mut Changes, mutation: &Mutation) {
        let tree = &self.durable.tree;
        let mut remember = |directory: FileId| {
            changes.undo.extend(tree.get(directory).map(|node| Undo::Modified(directory, node.modified)));
        };
        match mutation {
            Mutation::MakeDirectory { id, parent, .. } | Mutation::CreateFile { id, parent, .. } => {
                remember(*parent);
                changes.undo.push(Undo::Remove(*id));
            }
            Mutation::Unlink { id } | Mutation::Move { id, .. } => {
                let Some(node) = tree.get(*id) else { return };
                let Some(parent) = node.parent else { return };
                remember(parent);
                if let Mutation::Move { parent, .. } = mutation {
                    remember(*parent);
                }
                let (name, origin) = (node.name.to_string(), node.origin);
                changes.undo.push(Undo::Put { id: *id, parent, name, origin });
            }
            _ => {}
        }
    }

    /// As if the call had never come.
    pub(super) fn undo(&mut self, changes: Changes) {
        let tree = &mut self.durable.tree;
        for undo in changes.undo.into_iter().rev() {
            match undo {
                Undo::Remove(id) => {
                    tree.detach(id, self.now);
                    tree.purge(id);
                }
                Undo::Put { id, parent, name, origin } => {
                    tree.detach(id, self.now);
                    tree.attach(id, parent, &name, self.now);
                    if let Some(node) = tree.get_mut(id) {
                        node.origin = origin;
                    }
                }
                Undo::Modified(directory, at) => {
                    if let Some(node) = tree.get_mut(directory) {
                        node.modified = at;
                    }
                }
            }
        }
        tree.next_id = changes.next_id;
    }

    fn next_id(&self) -> FileId {
        FileId(self.durable.tree.next_id)
    }

    /// The directory at `path`, made with its parents if it is not there.
    pub(super) fn make_directories(
        &mut self,
        changes: &mut Changes,
        path: &FsPath,
        owner: &str,
    ) -> Result<FileId, NamespaceError> {
        let mut here = ROOT;
        let mut walked = FsPath::root();
        for part in path.components() {
            walked = walked.join(part).unwrap_or_else(|_| path.clone());
            let child = self.durable.tree.get(here).and_then(|node| node.children()?.get(part).copied());
            here = match child {
                Some(child) => child,
                None => {
                    let (id, name, owner) = (self.next_id(), part.to_owned(), owner.to_owned());
                    let mutation =
                        Mutation::MakeDirectory { id, parent: here, name, owner, mode: DIRECTORY_MODE };
                    self.make(changes, mutation);
                    id
                }
            };
            if self.durable.tree.get(here).is_some_and(|node| node.kind() == FileKind::File) {
                return Err(NamespaceError::NotDirectory(walked));
            }
        }
        Ok(here)
    }

    /// A new file under an existing or new parent; nothing lies at `path`.
    pub(super) fn make_file(
        &mut self,
        changes: &mut Changes,
        path: &FsPath,
        owner: &str,
        replication: u16,
        block_bytes: u64,
        lease: Option<crate::ClientId>,
    ) -> Result<FileId, NamespaceError> {
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return Err(NamespaceError::IsDirectory(path.clone()));
        };
        let parent = self.make_directories(changes, &parent, owner)?;
        let (id, name, owner) = (self.next_id(), name.to_owned(), owner.to_owned());
        self.make(
            changes,
            Mutation::CreateFile {
                id,
                parent,
                name,
                owner,
                mode: FILE_MODE,
                replication,
                block_bytes,
                lease,
            },
        );
        Ok(id)
    }

    /// `to` is the full new path; its parent must exist. `origin` is what a transaction leaves to know its repeat by.
    pub(super) fn rename(
        &mut self,
        changes: &mut Changes,
        from: &FsPath,
        to: &FsPath,
        replace: bool,
        origin: Option<u64>,
    ) -> Result<(), NamespaceError> {
        let moved = self.durable.tree.find(from)?.id;
        let (Some(parent), Some(name)) = (to.parent(), to.name()) else {
            return Err(NamespaceError::Exists(to.clone()));
        };
        if moved == ROOT {
            return Err(NamespaceError::IntoItself { from: from.clone(), to: to.clone() });
        }
        let parent_node = self.durable.tree.find(&parent)?;
        if parent_node.kind() == FileKind::File {
            return Err(NamespaceError::NotDirectory(parent));
        }
        let parent_id = parent_node.id;
        if self.durable.tree.is_within(parent_id, moved) {
            return Err(NamespaceError::IntoItself { from: from.clone(), to: to.clone() });
        }
        self.check_extent(moved, from, to)?;
        match self.durable.tree.look(to)?.map(|node| (node.id, node.kind())) {
            Some((there, _)) if there == moved => return Ok(()),
            Some((_, FileKind::Directory)) => return Err(NamespaceError::Exists(to.clone())),
            Some((_, FileKind::File)) if !replace => return Err(NamespaceError::Exists(to.clone())),
            Some((there, FileKind::File)) => self.make(changes, Mutation::Unlink { id: there }),
            None => {}
        }
        self.make(changes, Mutation::Move { id: moved, parent: parent_id, name: name.to_owned(), origin });
        Ok(())
    }

    /// Nothing may come to lie under a path that cannot be named.
    fn check_extent(&self, moved: FileId, from: &FsPath, to: &FsPath) -> Result<(), NamespaceError> {
        let (before, after) = (from.components().count(), to.components().count());
        if after <= before && to.as_str().len() <= from.as_str().len() {
            return Ok(());
        }
        let (components, bytes) = self.durable.tree.extent(moved);
        limit("the number of names in a path below it", after + components, limits::PATH_COMPONENTS_MAX)?;
        limit("the length in bytes of a path below it", to.as_str().len() + bytes, limits::PATH_BYTES_MAX)
    }

    /// Says whether there was something.
    pub(super) fn delete(
        &mut self,
        changes: &mut Changes,
        path: &FsPath,
        recursive: bool,
    ) -> Result<bool, NamespaceError> {
        let Some(node) = self.durable.tree.look(path)? else { return Ok(false) };
        let id = node.id;
        if node.children().is_some_and(|children| !children.is_empty()) && !recursive {
            return Err(NamespaceError::NotEmpty(path.clone()));
        }
        if id == ROOT {
            let below: Vec<FileId> = node.children().into_iter().flatten().map(|(_, id)| *id).collect();
            for id in below {
                self.make(changes, Mutation::Unlink { id });
            }
            return Ok(true);
        }
        self.make(changes, Mutation::Unlink { id });
        Ok(true)
    }

    pub(super) fn node_at(&self, path: &FsPath) -> Result<&Node, NamespaceError> {
        self.durable.tree.find(path)
    }
}
