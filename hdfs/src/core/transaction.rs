//! Many changes of names and keys that become visible together: first every expectation is checked, then each change
//! is made in turn, and a refusal undoes all of them.

use super::{
    Core,
    call::{Caller, limit},
    change::Changes,
    event::Mutation,
};
use crate::{
    FsPath, limits,
    protocol::namespace::{Change, Expect, FileKind, NamespaceAnswer, NamespaceError, Reply, Transaction},
};

impl Core {
    pub(super) fn transaction(
        &mut self,
        changes: &mut Changes,
        caller: &Caller,
        transaction: Transaction,
    ) -> NamespaceAnswer {
        let count = transaction.changes.len() + transaction.expect.len();
        limit("the number of changes of a transaction", count, limits::PUBLISH_ENTRIES_MAX)?;
        self.check_expectations(&transaction.expect)?;
        // Keys cannot fail, so they come last and need no undoing.
        let (keys, names): (Vec<Change>, Vec<Change>) = transaction
            .changes
            .into_iter()
            .partition(|change| matches!(change, Change::Put { .. } | Change::Remove { .. }));
        for change in &keys {
            if let Change::Put { key, value } = change {
                limit("the length of a key", key.len(), limits::KEY_BYTES_MAX)?;
                limit("the length of a value", value.len(), limits::VALUE_BYTES_MAX)?;
            }
        }
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

    fn check_expectations(&self, expectations: &[Expect]) -> Result<(), NamespaceError> {
        for expect in expectations {
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
        Ok(())
    }

    fn change_name(
        &mut self,
        changes: &mut Changes,
        caller: &Caller,
        change: Change,
    ) -> Result<(), NamespaceError> {
        match change {
            Change::MakeDirectories(path) => self.make_directories(changes, &path, &caller.user).map(|_| ()),
            Change::Rename { from, to } => self.publish(changes, caller, &from, &to),
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

    /// A repeat by the same call is answered from memory and never comes here. A process that does not know how far its
    /// dead predecessor came repeats with a call of its own: what lies at `to` and came there from this very `from` is
    /// already published.
    fn publish(
        &mut self,
        changes: &mut Changes,
        caller: &Caller,
        from: &FsPath,
        to: &FsPath,
    ) -> Result<(), NamespaceError> {
        let origin = fingerprint(from);
        if self.durable.tree.look(from)?.is_none()
            && self.durable.tree.look(to)?.is_some_and(|node| node.origin == origin)
        {
            return Ok(());
        }
        self.durable.tree.find(from)?;
        if let Some(parent) = to.parent() {
            self.make_directories(changes, &parent, &caller.user)?;
        }
        self.rename(changes, from, to, true, Some(origin))
    }
}

/// FNV-1a in 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>). Persisted: never change it. Not 0, which says
/// "none".
fn fingerprint(path: &FsPath) -> u64 {
    let hash = path.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_that_were_persisted() {
        assert_eq!(fingerprint(&"/a".parse().unwrap()), 0x07d66707b49cd92d);
    }
}
