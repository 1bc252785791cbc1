//! Where the replicas of a new block go: the writer's own worker first, then other hosts, the emptiest and least busy.

use super::replicas::{Replicas, StorageWorker};
use crate::{WorkerId, protocol::namespace::Location};

/// Candidates that cannot be taken, for the error message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    pub live: u32,
    pub excluded: u32,
    pub full: u32,
}

/// What is looked for.
pub struct Wish<'a> {
    /// At most so many targets.
    pub count: usize,
    pub block_bytes: u64,
    /// The worker that writes: the first target, if it can be.
    pub writer: Option<WorkerId>,
    /// Moves the choice among equals, so that blocks of one file do not all go to the same workers.
    pub spread: u64,
    /// Where replicas lie already: other hosts are better.
    pub near: &'a [&'a Location],
}

pub fn targets(replicas: &Replicas, wish: &Wish<'_>, exclude: &[WorkerId]) -> Result<Vec<Location>, Refused> {
    let mut refused = Refused::default();
    let mut candidates: Vec<(WorkerId, &StorageWorker)> = Vec::new();
    for (id, worker) in &replicas.workers {
        refused.live += 1;
        if exclude.contains(id) || worker.draining {
            refused.excluded += 1;
        } else if worker.capacity.free_bytes < claimed_bytes(worker, wish.block_bytes) {
            refused.full += 1;
        } else {
            candidates.push((*id, worker));
        }
    }
    candidates.sort_by_cached_key(|(id, worker)| {
        let free_gib = worker.capacity.free_bytes >> 30;
        let shuffle = (u64::from(id.0) ^ wish.spread).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        (Some(*id) != wish.writer, worker.writing.len(), u64::MAX - free_gib, shuffle)
    });
    let mut hosts: Vec<&str> = wish.near.iter().map(|location| location.host.as_str()).collect();
    let mut chosen: Vec<Location> = Vec::new();
    for distinct_hosts in [true, false] {
        for (_, worker) in &candidates {
            let taken = chosen.iter().any(|other| other.worker == worker.location.worker);
            let same_host = hosts.contains(&worker.location.host.as_str());
            if chosen.len() < wish.count && !taken && !(distinct_hosts && same_host) {
                hosts.push(&worker.location.host);
                chosen.push(worker.location.clone());
            }
        }
    }
    if chosen.is_empty() { Err(refused) } else { Ok(chosen) }
}

/// Room for this block and for those that are being written there, of which most of a few are yet to come.
fn claimed_bytes(worker: &StorageWorker, block_bytes: u64) -> u64 {
    block_bytes.saturating_mul((worker.writing.len() as u64 + 1).min(4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, core::event::Tick, protocol::control::Capacity};
    use std::collections::BTreeSet;

    fn replicas(workers: &[(u32, &str, u64)]) -> Replicas {
        let mut replicas = Replicas::default();
        for (id, host, free_bytes) in workers {
            let location = Location {
                worker: WorkerId(*id),
                endpoint: skep_wire::Endpoint::Tcp(format!("{host}:1")),
                host: (*host).to_owned(),
                socket: None,
            };
            let capacity = Capacity { total_bytes: 1 << 50, used_bytes: 0, free_bytes: *free_bytes };
            replicas.workers.insert(
                WorkerId(*id),
                StorageWorker {
                    location,
                    epoch: Epoch(1),
                    capacity,
                    draining: false,
                    blocks: BTreeSet::new(),
                    repairs: 0,
                    writing: BTreeSet::new(),
                    next_inventory: Tick(0),
                },
            );
        }
        replicas
    }

    fn wish(count: usize, writer: Option<u32>) -> Wish<'static> {
        Wish { count, block_bytes: 1 << 20, writer: writer.map(WorkerId), spread: 0, near: &[] }
    }

    fn ids(locations: Vec<Location>) -> Vec<u32> {
        locations.into_iter().map(|location| location.worker.0).collect()
    }

    #[test]
    fn the_writers_own_worker_comes_first_and_hosts_differ_while_they_can() {
        let replicas = replicas(&[(1, "a", 1 << 40), (2, "a", 1 << 40), (3, "b", 1 << 40)]);
        let chosen = ids(targets(&replicas, &wish(2, Some(2)), &[]).unwrap());
        assert_eq!(chosen, [2, 3]);
        assert_eq!(targets(&replicas, &wish(3, Some(2)), &[]).unwrap().len(), 3);
    }

    #[test]
    fn full_and_excluded_workers_are_counted_in_the_refusal() {
        let replicas = replicas(&[(1, "a", 10), (2, "b", 1 << 40)]);
        let refused = targets(&replicas, &wish(1, None), &[WorkerId(2)]).unwrap_err();
        assert_eq!(refused, Refused { live: 2, excluded: 1, full: 1 });
    }

    #[test]
    fn a_copy_goes_to_a_host_that_has_none_yet() {
        let replicas = replicas(&[(1, "a", 1 << 40), (2, "a", 1 << 40), (3, "b", 1 << 30)]);
        let near = [&replicas.workers[&WorkerId(1)].location];
        let wish = Wish { near: &near, ..wish(1, None) };
        assert_eq!(ids(targets(&replicas, &wish, &[WorkerId(1)]).unwrap()), [3]);
    }

    #[test]
    fn workers_that_receive_fewer_blocks_come_first() {
        let mut replicas = replicas(&[(1, "a", 1 << 40), (2, "b", 1 << 40)]);
        for block in 0..9 {
            let chosen = ids(targets(&replicas, &Wish { spread: block, ..wish(1, None) }, &[]).unwrap());
            let worker = replicas.workers.get_mut(&WorkerId(chosen[0])).unwrap();
            worker.writing.insert(crate::BlockId(block));
        }
        assert_eq!(replicas.workers.values().map(|worker| worker.writing.len()).max(), Some(5));
    }
}
