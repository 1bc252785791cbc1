//! Every invariant of the namespace; called after each event in tests and in the simulation.

use super::{Core, tree::ROOT};
use std::collections::BTreeSet;

impl Core {
    /// Panics with the invariant that does not hold.
    pub fn check(&self) {
        self.check_tree();
        self.check_blocks();
        self.check_replicas();
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
        let open =
            self.durable.tree.nodes().filter(|node| node.file().is_some_and(|file| file.lease.is_some()));
        assert_eq!(
            open.count(),
            self.leases.open_files(),
            "every open file has one lease, and no other has one"
        );
    }

    fn check_blocks(&self) {
        let mut owned = BTreeSet::new();
        for node in self.durable.tree.nodes() {
            let Some(file) = node.file() else { continue };
            for (index, block) in file.blocks.iter().enumerate() {
                assert!(owned.insert(*block), "{block} belongs to one file");
                let facts = self.durable.blocks.get(block);
                assert!(facts.is_some_and(|facts| facts.file == node.id), "{block} knows its file");
                let last = index + 1 == file.blocks.len() && file.lease.is_some();
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
                assert!(!self.replicas.is_corrupt(*block, *id), "a bad replica is no location");
            }
        }
        for repair in self.replicas.repairs.values() {
            let live = |worker| self.replicas.workers.contains_key(worker);
            assert!(live(&repair.from) && live(&repair.to), "a repair runs between live workers");
        }
    }
}
