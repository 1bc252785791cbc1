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

/// At most `count` targets for `block_bytes` bytes each. `spread` moves the choice among equals, so that blocks of one
/// file do not all go to the same workers.
pub fn targets(
    replicas: &Replicas,
    count: usize,
    block_bytes: u64,
    writer: Option<WorkerId>,
    exclude: &[WorkerId],
    spread: u64,
) -> Result<Vec<Location>, Refused> {
    let mut refused = Refused::default();
    let mut candidates: Vec<(WorkerId, &StorageWorker)> = Vec::new();
    for (id, worker) in &replicas.workers {
        refused.live += 1;
        // Room for what is being written there already, and for this.
        let claimed = block_bytes.saturating_mul(worker.writing.len() as u64 + 1);
        if exclude.contains(id) || worker.draining {
            refused.excluded += 1;
        } else if worker.capacity.free_bytes < claimed.min(block_bytes.saturating_mul(4)) {
            refused.full += 1;
        } else {
            candidates.push((*id, worker));
        }
    }
    candidates.sort_by_key(|(id, worker)| {
        let free_gib = worker.capacity.free_bytes >> 30;
        let shuffle = (u64::from(id.0) ^ spread).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        (Some(*id) != writer, worker.writing.len(), u64::MAX - free_gib, shuffle)
    });
    let mut chosen: Vec<Location> = Vec::new();
    for distinct_hosts in [true, false] {
        for (_, worker) in &candidates {
            let taken = chosen.iter().any(|other| other.worker == worker.location.worker);
            let same_host = chosen.iter().any(|other| other.host == worker.location.host);
            if chosen.len() < count && !taken && !(distinct_hosts && same_host) {
                chosen.push(worker.location.clone());
            }
        }
    }
    if chosen.is_empty() { Err(refused) } else { Ok(chosen) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, protocol::control::Capacity};
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
                },
            );
        }
        replicas
    }

    fn ids(locations: Vec<Location>) -> Vec<u32> {
        locations.into_iter().map(|location| location.worker.0).collect()
    }

    #[test]
    fn the_writers_own_worker_comes_first_and_hosts_differ_while_they_can() {
        let replicas = replicas(&[(1, "a", 1 << 40), (2, "a", 1 << 40), (3, "b", 1 << 40)]);
        let chosen = ids(targets(&replicas, 2, 1 << 20, Some(WorkerId(2)), &[], 0).unwrap());
        assert_eq!(chosen, [2, 3]);
        assert_eq!(targets(&replicas, 3, 1 << 20, Some(WorkerId(2)), &[], 0).unwrap().len(), 3);
    }

    #[test]
    fn full_and_excluded_workers_are_counted_in_the_refusal() {
        let replicas = replicas(&[(1, "a", 10), (2, "b", 1 << 40)]);
        let refused = targets(&replicas, 1, 1 << 20, None, &[WorkerId(2)], 0).unwrap_err();
        assert_eq!(refused, Refused { live: 2, excluded: 1, full: 1 });
    }
}
