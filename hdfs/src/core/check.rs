//! Every invariant of the namespace; called after each event in tests and in the simulation.

use super::{
    Core,
    health::{Health, Standing},
    holdings::Holdings,
    tree::{ROOT, Writer},
};
use crate::{BlockId, protocol::namespace::FileKind};
use std::collections::{BTreeMap, BTreeSet};

impl Core {
    /// Panics with the invariant that does not hold.
    pub fn check(&self) {
        self.check_tree();
        self.check_blocks();
        self.check_writers();
        self.check_replicas();
        self.check_health();
    }

    fn check_tree(&self) {
        let reachable: BTreeSet<_> = self.durable.tree.subtree(ROOT).into_iter().collect();
        assert_eq!(
            reachable.len(),
            self.durable.tree.node_count(),
            "every node is reachable from the root, once"
        );
        for node in self.durable.tree.nodes() {
            assert!(node.id.0 < self.durable.tree.next_id, "an id is never given twice");
            for (name, id) in node.children().into_iter().flatten() {
                let child = self.durable.tree.get(*id);
                assert!(
                    child.is_some_and(|child| child.parent == Some(node.id) && child.name == *name),
                    "parent and child agree: {name}"
                );
            }
        }
        let files = self.durable.tree.nodes().filter(|node| node.kind() == FileKind::File).count();
        assert_eq!(files as u64, self.durable.tree.file_count(), "files are counted");
    }

    fn check_writers(&self) {
        let mut clients = BTreeMap::new();
        let mut recoveries = BTreeSet::new();
        for node in self.durable.tree.nodes() {
            match node.file().and_then(|file| file.writer) {
                Some(Writer::Client(client)) => drop(clients.insert(node.id, client)),
                Some(Writer::Namespace) => drop(recoveries.insert(node.id)),
                None => {}
            }
        }
        assert_eq!(&clients, self.leases.writers(), "every open file has one lease, and no other has one");
        let recovering = self.recoveries.keys().copied().collect();
        assert_eq!(recoveries, recovering, "every file that was taken from its writer is being closed");
        assert!(self.settling.is_empty(), "calls that can be answered are");
        for (file, waiting) in &self.completing {
            assert!(!waiting.is_empty(), "{file} is remembered for those who wait for it");
            assert!(clients.contains_key(file), "{file} is open while its writer waits for its end");
        }
    }

    fn check_blocks(&self) {
        let mut owned = BTreeSet::new();
        for node in self.durable.tree.nodes() {
            let Some(file) = node.file() else { continue };
            for (index, block) in file.blocks.iter().enumerate() {
                assert!(owned.insert(*block), "{block} belongs to one file");
                let facts = self.durable.blocks.get(block);
                assert!(facts.is_some_and(|facts| facts.file == node.id), "{block} knows its file");
                let last = index + 1 == file.blocks.len() && file.writer.is_some();
                assert!(
                    last || facts.is_some_and(|facts| facts.committed),
                    "only the last block is uncommitted: {block}"
                );
            }
        }
        assert_eq!(owned.len(), self.durable.blocks.len(), "every block belongs to a file");
    }

    fn check_replicas(&self) {
        for (id, worker) in &self.replicas.workers {
            for block in &worker.blocks {
                assert!(self.durable.blocks.contains_key(block), "{id} is a location of a block that is");
                assert!(self.replicas.holders(*block).any(|holder| holder == *id), "locations go both ways");
                assert!(self.replicas.corrupt(*block).all(|bad| bad != *id), "a bad replica is no location");
            }
        }
        let written =
            self.replicas.workers.iter().flat_map(|(id, worker)| worker.writing.iter().map(|b| (*b, *id)));
        assert_eq!(
            written.collect::<BTreeSet<_>>(),
            self.replicas.written(),
            "pipelines are known both ways"
        );
        for (block, worker) in self.replicas.written() {
            let facts = self.durable.blocks.get(&block);
            assert!(
                facts.is_some_and(|facts| !facts.committed),
                "{worker} writes {block}, which is not finished"
            );
        }
        for (id, worker) in &self.replicas.workers {
            let repairs = self.replicas.repairs.values();
            let ours = repairs.filter(|repair| repair.from == *id || repair.to == *id).count();
            assert_eq!(ours, worker.repairs, "the copies of {id} are counted");
        }
        for repair in self.replicas.repairs.values() {
            let live = |worker| self.replicas.workers.contains_key(worker);
            assert!(live(&repair.from) && live(&repair.to), "a repair runs between live workers");
        }
        for worker in self.erasures.workers() {
            assert!(self.replicas.workers.contains_key(&worker), "{worker} is there to erase something");
        }
    }

    fn check_health(&self) {
        assert!(self.replicas.touched.is_empty(), "every change was looked at");
        let (mut fresh, mut holdings) = (Health::default(), Holdings::default());
        for block in self.durable.blocks.keys() {
            fresh.note(*block, self.standing(*block));
            holdings.note(*block, self.holding(*block));
        }
        assert_eq!(self.holdings, holdings, "what each worker holds is counted");
        let unwell = |block: &BlockId| !matches!(self.standing(*block), Standing::Well | Standing::Surplus);
        assert!(self.failures.keys().all(unwell), "failures are forgotten once a block is well or gone");
        assert!(self.health.agrees_with(&fresh), "the standing of blocks is up to date");
    }
}
