//! What else happens to replicas: erased on command, put aside when bad, read through to see whether they are.

use super::{BlockStore, Slot, lock};
use crate::{
    BlockId, Generation,
    limits::{BAD_REPLICAS_KEPT_MAX, PACKET_BYTES},
    protocol::{blocks::BlockError, control::Replica},
};
use std::{io, sync::Arc};

/// What came of a command to erase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erased {
    /// Nothing of the block is here any more; or there was nothing.
    Gone,
    /// Kept: it is newer than the command.
    Newer(Replica),
}

impl BlockStore {
    /// Removes the replica if it has this generation or an older one, whether it is finalised or being written.
    pub fn erase(&self, block: BlockId, generation: Generation) -> Result<Erased, BlockError> {
        self.forget_kept(block, generation);
        self.with_slot(block, |slot| {
            let Some(now) = slot.replica(block) else {
                return Ok(Erased::Gone);
            };
            if now.generation > generation {
                return Ok(Erased::Newer(now));
            }
            let files = match slot {
                Slot::Finalised { generation, .. } => self.layout.finalised(block, *generation),
                _ => self.layout.writing(block),
            };
            files.remove().map_err(|error| self.disk_error(block, &error))?;
            *slot = Slot::Empty;
            Ok(Erased::Gone)
        })
    }

    /// Reads a finalised replica through. A bad one is put aside. Length and CRC32C of a good one.
    pub fn verify(
        self: &Arc<Self>,
        block: BlockId,
        generation: Generation,
    ) -> Result<(u64, u32), BlockError> {
        let reader = self.open_replica(block, generation)?;
        let len_bytes = reader.replica().len_bytes;
        for start in (0..len_bytes).step_by(PACKET_BYTES) {
            reader.read(start..start + PACKET_BYTES as u64)?;
        }
        Ok((len_bytes, reader.crc()?))
    }

    /// Finalised replicas after `after`, in order: for a scrubber that goes round.
    pub fn finalised_after(&self, after: Option<BlockId>) -> Option<Replica> {
        use std::ops::Bound::{Excluded, Unbounded};
        let inventory = lock(&self.inventory);
        let from = after.map_or(Unbounded, Excluded);
        inventory
            .replicas
            .range((from, Unbounded))
            .filter_map(|(_, entry)| entry.replica)
            .find(|replica| replica.finalised)
    }

    /// The finalised replica so far into all of them, where 0 is the first and `u32::MAX` the last.
    pub fn finalised_at(&self, share: u32) -> Option<BlockId> {
        let inventory = lock(&self.inventory);
        let finalised = || {
            let replicas = inventory.replicas.values().filter_map(|entry| entry.replica);
            replicas.filter(|replica| replica.finalised)
        };
        let index = (finalised().count() as u64 * u64::from(share)) >> 32;
        finalised().nth(index as usize).map(|replica| replica.block)
    }

    /// Takes a bad replica out of service and remembers to report it. If the slot holds something else by now,
    /// that is left alone and returned.
    pub(super) fn put_aside(&self, bad: Replica, reason: &str) -> Option<Replica> {
        self.with_slot(bad.block, |slot| match slot.replica(bad.block) {
            Some(now) if now != bad => Some(now),
            None => None,
            Some(_) => {
                tracing::warn!(block = %bad.block, generation = %bad.generation, reason, "a replica is bad; it is put aside");
                self.move_aside(bad.block, bad.generation);
                *slot = Slot::Empty;
                lock(&self.inventory).bad.push((bad, reason.to_owned()));
                None
            }
        })
    }

    /// Moves the files of a finalised replica to `bad/`, whatever there is of them, and keeps few there.
    pub(super) fn move_aside(&self, block: BlockId, generation: Generation) {
        let from = self.layout.finalised(block, generation);
        let to = self.layout.bad(block, generation);
        let moved =
            [(&from.data, &to.data), (&from.sums, &to.sums)].map(|(from, to)| std::fs::rename(from, to));
        let failed = moved.into_iter().filter_map(Result::err);
        for error in failed.filter(|error| error.kind() != io::ErrorKind::NotFound) {
            tracing::warn!(%block, %error, "cannot move a bad replica aside; removing it");
            if let Err(error) = from.remove() {
                tracing::warn!(%block, %error, "cannot remove it either; it is not served");
            }
        }
        let surplus = {
            let mut inventory = lock(&self.inventory);
            inventory.kept.push_back((block, generation));
            let surplus = inventory.kept.len().saturating_sub(BAD_REPLICAS_KEPT_MAX);
            inventory.kept.drain(..surplus).collect::<Vec<_>>()
        };
        surplus.into_iter().for_each(|(block, generation)| self.remove_kept(block, generation));
    }

    fn forget_kept(&self, block: BlockId, generation: Generation) {
        let forgotten = {
            let mut inventory = lock(&self.inventory);
            let (gone, kept) = std::mem::take(&mut inventory.kept)
                .into_iter()
                .partition::<Vec<_>, _>(|(other, older)| *other == block && *older <= generation);
            inventory.kept = kept.into();
            gone
        };
        forgotten.into_iter().for_each(|(block, generation)| self.remove_kept(block, generation));
    }

    fn remove_kept(&self, block: BlockId, generation: Generation) {
        if let Err(error) = self.layout.bad(block, generation).remove() {
            tracing::warn!(%block, %error, "cannot remove a bad replica that was put aside");
        }
    }
}

impl Erased {
    /// What the master is told about a block after an `Erase` of it.
    pub fn is_gone(self) -> bool {
        self == Erased::Gone
    }
}
