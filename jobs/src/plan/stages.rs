//! Cuts a plan into stages. A stage begins at a source or behind an exchange, runs through the operators that look at
//! one record at a time, and ends at an exchange or an output.
//!
//! Client and task process cut the same plan in the same way: a task is told the number of its stage and finds in its own
//! copy of the plan what to do. Where two branches of a `union` meet, each branch goes on as stages of its own.

use super::{
    exchange::Partitioning,
    graph::{Graph, NodeId, NodeKind},
};
use std::collections::BTreeMap;

/// Index of a stage in its plan; the same as its [`StageId`](crate::model::StageId).
pub type StageIndex = usize;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    pub name: String,
    pub origin: Origin,
    /// Narrow operators, in order.
    pub chain: Vec<NodeId>,
    pub end: End,
    pub inputs: Vec<Input>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Source(NodeId),
    Exchange(NodeId),
    /// The one last task that gathers results for the client.
    Results,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Feeds a side of an exchange.
    Exchange { node: NodeId, side: usize },
    /// Samples what another stage will feed into a range-partitioned exchange.
    Sample { node: NodeId },
    /// Feeds the task that gathers results, as this result.
    Result { index: usize },
    /// Writes files, for this sink.
    Sink { index: usize },
    /// Hands to the client the results that it gathers, or, without that task, its own records as the only result.
    Client,
}

/// What a stage reads of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    pub from: StageIndex,
    pub role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its partition of this side of the exchange that the stage begins with.
    Side(usize),
    /// Samples that tell where partitions begin.
    Samples,
}

/// One way through the plan from where a stage can begin to where it ends.
#[derive(Clone)]
struct Path {
    origin: Origin,
    chain: Vec<NodeId>,
}

struct Cutter<'g> {
    graph: &'g Graph,
    stages: Vec<Stage>,
    /// Stages that feed an exchange, with the side.
    feeding: BTreeMap<NodeId, Vec<Input>>,
}

/// Stages in an order in which producers come before consumers.
pub fn cut(graph: &Graph) -> Vec<Stage> {
    let mut cutter = Cutter { graph, stages: Vec::new(), feeding: BTreeMap::new() };
    for (index, sink) in graph.sinks.iter().enumerate() {
        for path in cutter.paths(sink.input) {
            cutter.stage(path, End::Sink { index }, Vec::new());
        }
    }
    if cutter.ends_at_the_client() {
        return cutter.stages;
    }
    let mut inputs = Vec::new();
    for (index, result) in graph.results.iter().enumerate() {
        for path in cutter.paths(result.input) {
            let from = cutter.stage(path, End::Result { index }, Vec::new());
            inputs.push(Input { from, role: Role::Side(index) });
        }
    }
    if !inputs.is_empty() {
        let (origin, chain) = (Origin::Results, Vec::new());
        cutter.stages.push(Stage { name: "results".to_owned(), origin, chain, end: End::Client, inputs });
    }
    cutter.stages
}

impl Cutter<'_> {
    /// The only result needs no task that gathers it when it comes from one exchange, which has a task at least.
    fn ends_at_the_client(&mut self) -> bool {
        let [result] = self.graph.results.as_slice() else { return false };
        let paths = self.paths(result.input);
        let [path @ Path { origin: Origin::Exchange(_), .. }] = paths.as_slice() else { return false };
        self.stage(path.clone(), End::Client, Vec::new());
        true
    }

    fn paths(&self, node: NodeId) -> Vec<Path> {
        match &self.graph.node(node).kind {
            NodeKind::Source(_) => vec![Path { origin: Origin::Source(node), chain: Vec::new() }],
            NodeKind::Exchange(_) => vec![Path { origin: Origin::Exchange(node), chain: Vec::new() }],
            NodeKind::Union(inputs) => inputs.iter().flat_map(|input| self.paths(*input)).collect(),
            NodeKind::Narrow { input, .. } => {
                let mut paths = self.paths(*input);
                paths.iter_mut().for_each(|path| path.chain.push(node));
                paths
            }
        }
    }

    /// Adds the stage for a path, after all stages that it needs.
    fn stage(&mut self, path: Path, end: End, more_inputs: Vec<Input>) -> StageIndex {
        let mut inputs = match path.origin {
            Origin::Exchange(node) => self.feed(node),
            Origin::Source(_) | Origin::Results => Vec::new(),
        };
        inputs.extend(more_inputs);
        let name = self.name(&path, end);
        self.stages.push(Stage { name, origin: path.origin, chain: path.chain, end, inputs });
        self.stages.len() - 1
    }

    /// The stages that feed an exchange; made when they are asked for first.
    fn feed(&mut self, node: NodeId) -> Vec<Input> {
        if let Some(inputs) = self.feeding.get(&node) {
            return inputs.clone();
        }
        let NodeKind::Exchange(exchange) = &self.graph.node(node).kind else { return Vec::new() };
        let ranged = matches!(exchange.partitioning, Partitioning::Range(_));
        let paths: Vec<(usize, Path)> = exchange
            .sides
            .iter()
            .enumerate()
            .flat_map(|(side, from)| self.paths(from.input).into_iter().map(move |path| (side, path)))
            .collect();
        let mut samples = Vec::new();
        if ranged {
            for (_, path) in &paths {
                let from = self.stage(path.clone(), End::Sample { node }, Vec::new());
                samples.push(Input { from, role: Role::Samples });
            }
        }
        let mut inputs = Vec::new();
        for (side, path) in paths {
            let from = self.stage(path, End::Exchange { node, side }, samples.clone());
            inputs.push(Input { from, role: Role::Side(side) });
        }
        self.feeding.insert(node, inputs.clone());
        inputs
    }

    fn name(&self, path: &Path, end: End) -> String {
        let mut names = Vec::new();
        match path.origin {
            Origin::Source(node) | Origin::Exchange(node) => names.push(self.graph.node(node).name),
            Origin::Results => names.push("results"),
        }
        names.extend(path.chain.iter().map(|node| self.graph.node(*node).name));
        match end {
            End::Sample { .. } => names.push("sample"),
            End::Sink { .. } => names.push("save"),
            End::Exchange { .. } | End::Result { .. } | End::Client => {}
        }
        names.join(", ")
    }
}

/// A number that differs when plans do: tasks carry it, so that a program never runs a task of another plan.
pub fn fingerprint(graph: &Graph, stages: &[Stage]) -> u64 {
    let mut text = String::new();
    for stage in stages {
        text.push_str(&format!("{:?}|{:?}|{:?}|{:?}\n", stage.name, stage.origin, stage.end, stage.inputs));
    }
    for (sink, node) in graph.sinks.iter().zip(0..) {
        text.push_str(&format!("sink {node}: {}\n", sink.path));
    }
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    fn shape(plan: &Plan) -> Vec<String> {
        let graph = plan.graph();
        cut(&graph)
            .iter()
            .map(|stage| {
                let inputs: Vec<String> = stage
                    .inputs
                    .iter()
                    .map(|input| match input.role {
                        Role::Side(side) => format!("{}/{side}", input.from),
                        Role::Samples => format!("{}*", input.from),
                    })
                    .collect();
                format!("{} <- {}", stage.name, inputs.join(" "))
            })
            .collect()
    }

    #[test]
    fn word_count_is_two_stages() {
        let plan = Plan::new();
        plan.text_file("in")
            .flat_map::<(String, u64), _>(|line, out| out.emit((line, 1)))
            .reduce_by_key(|a, b| a + b)
            .save_text("out");
        assert_eq!(shape(&plan), ["text, flat_map <- ", "reduce_by_key, save <- 0/0"]);
    }

    #[test]
    fn a_total_order_is_sampled_first() {
        let plan = Plan::new();
        let keyed = plan.binary_records(10, "in").key_by::<Vec<u8>, _>(|record| &record[..2]);
        keyed.sort_by_key().values().save_records("out");
        assert_eq!(
            shape(&plan),
            ["records, key_by, sample <- ", "records, key_by <- 0*", "sort_by_key, flat_map, save <- 1/0"]
        );
    }

    #[test]
    fn branches_of_a_union_stay_apart_until_an_exchange() {
        let plan = Plan::new();
        let keyed = |path: &str| plan.text_file(path).key_by::<String, _>(|line| line);
        let left = keyed("a").union(&keyed("b"));
        left.join(&keyed("c")).keys().save_text("out");
        assert_eq!(
            shape(&plan),
            [
                "text, key_by <- ",
                "text, key_by <- ",
                "text, key_by <- ",
                "join, flat_map, save <- 0/0 1/0 2/1"
            ]
        );
    }

    #[test]
    fn an_exchange_that_is_used_twice_is_fed_once() {
        let plan = Plan::new();
        let counts = plan.range(0..10).map(|row| (row % 3, 1u64)).reduce_by_key(|a, b| a + b);
        counts.save_text("out");
        counts.count("keys");
        assert_eq!(
            shape(&plan),
            ["rows, map <- ", "reduce_by_key, save <- 0/0", "reduce_by_key, count <- 0/0"]
        );
    }

    #[test]
    fn several_results_and_those_of_a_source_are_gathered_by_one_task() {
        let plan = Plan::new();
        let rows = plan.range(0..10);
        rows.count("rows");
        assert_eq!(shape(&plan), ["rows, count <- ", "results <- 0/0"]);
        rows.take(3).count("some");
        assert_eq!(shape(&plan), ["rows, count <- ", "rows <- ", "take, count <- 1/0", "results <- 0/0 2/1"]);
    }
}
