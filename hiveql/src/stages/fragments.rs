//! A stage graph as it travels: in the arguments of the job's program, once per worker, for all of its tasks.
//!
//! `["sql-fragment", BASE64 of ZSTD of Fragments]`; plans and expressions in it are in the codec's form.

use super::{
    Handover, StageGraph,
    shares::{self, TaskShares},
};
use crate::{
    codec::{FragmentCodec, ObjectStores, decode_expression, encode_expression},
    functions::SessionFacts,
    script::ScriptPlace,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use datafusion::{
    common::DataFusionError,
    config::ConfigOptions,
    execution::TaskContext,
    physical_plan::{ExecutionPlan, PhysicalExpr},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// First argument of a program that runs fragments of a query.
pub const PROGRAM: &str = "sql-fragment";
const COMPRESSION_LEVEL: i32 = 1;
const SETTINGS_PREFIX: &str = "datafusion.";

/// All that task processes must know of a query.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fragments {
    facts: SessionFacts,
    /// DataFusion's settings that are not what they are by default.
    settings: BTreeMap<String, String>,
    /// Where results go that are too long for the master: a directory.
    results: Option<String>,
    stages: Vec<Fragment>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Fragment {
    plan: Vec<u8>,
    handover: EncodedHandover,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum EncodedHandover {
    Result,
    Together { sorted: bool },
    Own { first: usize, count: usize },
    Hashed { keys: Vec<Vec<u8>>, first: usize, count: usize },
}

/// What a fragment finds where it runs.
pub struct Machine {
    pub stores: Arc<dyn ObjectStores>,
    pub scripts: ScriptPlace,
}

/// A stage as its task runs it.
pub struct OpenFragment {
    pub plan: Arc<dyn ExecutionPlan>,
    pub handover: Handover,
}

#[derive(Debug, thiserror::Error)]
pub enum FragmentError {
    #[error("the plan cannot be taken apart for other processes")]
    Encode(#[source] DataFusionError),
    #[error("the fragment of stage {stage} cannot be read: use the same release everywhere")]
    Decode { stage: usize, source: DataFusionError },
    #[error("the query has no stage {0}")]
    NoStage(usize),
    #[error("the program's arguments are no fragments of a query: {0}")]
    Arguments(String),
}

impl Fragments {
    /// `results`: a directory of this query alone, for results that are too long for the master; without one they are
    /// handed over whole.
    pub fn encode(
        graph: &StageGraph,
        facts: &SessionFacts,
        options: &ConfigOptions,
        results: Option<String>,
    ) -> Result<Fragments, FragmentError> {
        let codec = FragmentCodec::new(facts.clone(), Arc::new(NoStores));
        let stages = graph.stages.iter().map(|stage| {
            let handover = match &stage.handover {
                Handover::Result => EncodedHandover::Result,
                Handover::Together { sorted } => EncodedHandover::Together { sorted: *sorted },
                Handover::Own { first, count } => EncodedHandover::Own { first: *first, count: *count },
                Handover::Hashed { keys, first, count } => EncodedHandover::Hashed {
                    keys: keys.iter().map(|key| encode_expression(&codec, key)).collect::<Result<_, _>>()?,
                    first: *first,
                    count: *count,
                },
            };
            Ok(Fragment { plan: codec.encode(shares::strip(&stage.plan)?)?, handover })
        });
        let stages = stages.collect::<Result<Vec<_>, DataFusionError>>().map_err(FragmentError::Encode)?;
        Ok(Fragments { facts: facts.clone(), settings: changed(options), results, stages })
    }

    pub fn results(&self) -> Option<&str> {
        self.results.as_deref()
    }

    /// Tasks of the last stage share what the master may hold of a result.
    pub fn is_last(&self, stage: usize) -> bool {
        stage + 1 == self.stages.len()
    }

    /// The settings that the plan was made with.
    pub fn options(&self) -> ConfigOptions {
        let mut options = ConfigOptions::new();
        for (key, value) in &self.settings {
            if let Err(error) = options.set(key, value) {
                tracing::warn!(key, value, %error, "a setting of the query is not known here");
            }
        }
        options
    }

    /// What a task of a stage runs; the payload says which files it reads.
    pub fn open(
        &self,
        stage: usize,
        payload: &[u8],
        machine: Machine,
        context: &TaskContext,
    ) -> Result<OpenFragment, FragmentError> {
        let fragment = self.stages.get(stage).ok_or(FragmentError::NoStage(stage))?;
        let facts = SessionFacts { scripts: machine.scripts, ..self.facts.clone() };
        let codec = FragmentCodec::new(facts, machine.stores);
        let opened = || {
            let shares: TaskShares = skep_wire::codec::decode(payload)
                .map_err(|error| DataFusionError::External(Box::new(error)))?;
            let plan = shares::fill(codec.decode(&fragment.plan, context)?, shares)?;
            let handover = match &fragment.handover {
                EncodedHandover::Result => Handover::Result,
                EncodedHandover::Together { sorted } => Handover::Together { sorted: *sorted },
                EncodedHandover::Own { first, count } => Handover::Own { first: *first, count: *count },
                EncodedHandover::Hashed { keys, first, count } => {
                    let key = |bytes: &Vec<u8>| decode_expression(&codec, bytes, &plan.schema(), context);
                    let keys = keys.iter().map(key).collect::<Result<Vec<Arc<dyn PhysicalExpr>>, _>>()?;
                    Handover::Hashed { keys, first: *first, count: *count }
                }
            };
            Ok(OpenFragment { plan, handover })
        };
        opened().map_err(|source| FragmentError::Decode { stage, source })
    }

    /// Arguments of the program ([`skep_jobs::model::Program`]) that runs the query's tasks.
    pub fn arguments(&self) -> Result<Vec<String>, FragmentError> {
        let packed = zstd::bulk::compress(&skep_wire::codec::encode(self), COMPRESSION_LEVEL)
            .map_err(|error| FragmentError::Arguments(error.to_string()))?;
        Ok(vec![PROGRAM.to_owned(), STANDARD.encode(packed)])
    }

    pub fn from_arguments(arguments: &[String]) -> Result<Fragments, FragmentError> {
        let [name, text] = arguments else {
            return Err(FragmentError::Arguments(format!("`{PROGRAM}` and its fragments were expected")));
        };
        let bad = |error: &dyn std::fmt::Display| FragmentError::Arguments(format!("{name}: {error}"));
        let packed = STANDARD.decode(text).map_err(|error| bad(&error))?;
        let encoded = zstd::stream::decode_all(packed.as_slice()).map_err(|error| bad(&error))?;
        skep_wire::codec::decode(&encoded).map_err(|error| bad(&error))
    }
}

fn changed(options: &ConfigOptions) -> BTreeMap<String, String> {
    let defaults: BTreeMap<String, Option<String>> =
        ConfigOptions::new().entries().into_iter().map(|entry| (entry.key, entry.value)).collect();
    let ours = options.entries().into_iter().filter(|entry| entry.key.starts_with(SETTINGS_PREFIX));
    let different = ours.filter(|entry| defaults.get(&entry.key) != Some(&entry.value));
    different.filter_map(|entry| Some((entry.key, entry.value?))).collect()
}

/// Encoding needs none.
#[derive(Debug)]
struct NoStores;

impl ObjectStores for NoStores {
    fn store(&self, prefix: &str) -> datafusion::common::Result<Arc<dyn object_store::ObjectStore>> {
        datafusion::common::internal_err!("there is no store for {prefix} where plans are only written")
    }
}
