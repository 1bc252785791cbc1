//! The plan as data: operators and how they hang together, before it is cut into stages. Built by the typed API, which
//! guarantees that the types of neighbours fit; below this line records are bytes.

use super::{exchange::Exchange, narrow::NarrowOperator, results::ResultFormat};
use crate::{sink::SinkFormat, source::Source};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

#[derive(Default)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub sinks: Vec<SinkNode>,
    pub results: Vec<ResultNode>,
    pub counters: Vec<String>,
    /// Mistakes that only the whole plan shows, for the user to read.
    pub errors: Vec<String>,
}

pub struct Node {
    /// Shown in the names of stages: `text`, `flat_map`, `reduce_by_key`.
    pub name: &'static str,
    pub kind: NodeKind,
}

pub enum NodeKind {
    Source(Arc<dyn Source>),
    Narrow {
        input: NodeId,
        operator: Arc<dyn NarrowOperator>,
    },
    Union(Vec<NodeId>),
    /// A stage ends before it and another begins after it.
    Exchange(Exchange),
}

/// Output as files.
pub struct SinkNode {
    pub input: NodeId,
    /// The directory.
    pub path: String,
    pub format: Arc<dyn SinkFormat>,
}

/// Output for the client's eyes.
pub struct ResultNode {
    pub input: NodeId,
    pub label: String,
    pub format: Arc<dyn ResultFormat>,
}

impl Graph {
    pub fn add(&mut self, name: &'static str, kind: NodeKind) -> NodeId {
        self.nodes.push(Node { name, kind });
        NodeId(self.nodes.len() - 1)
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }
}
