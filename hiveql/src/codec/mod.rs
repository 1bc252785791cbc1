//! Fragments of physical plans as bytes: what a task process gets of a query.
//!
//! DataFusion's operators and expressions travel in DataFusion's own form; here is what only this crate knows.
//! * [`functions`]: calls of Hive's functions travel by name and arguments, and are resolved again where they arrive.
//! * [`nodes`]: plan nodes of ours. A new node gets a variant there.
//! * [`expressions`]: expressions inside of them.
//!
//! The form is that of one release: both sides run the same binary, because workers start their own `skep`.

mod expressions;
mod functions;
mod nodes;
mod roots;
#[cfg(test)]
mod tests;

pub use expressions::{SortKey, decode_expression, encode_expression};
pub use roots::root_of;

use crate::functions::SessionFacts;
use datafusion::{
    common::Result,
    execution::TaskContext,
    logical_expr::{AggregateUDF, ScalarUDF, WindowUDF},
    physical_plan::ExecutionPlan,
};
use datafusion_proto::{
    bytes::{physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec},
    physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension},
};
use object_store::ObjectStore;
use std::{fmt, sync::Arc};

/// Finds the object store of files, by what stands before their paths (`hdfs://host/`, `s3://bucket/`, `file:///`).
pub trait ObjectStores: fmt::Debug + Send + Sync {
    fn store(&self, prefix: &str) -> Result<Arc<dyn ObjectStore>>;
}

/// Both directions.
#[derive(Debug)]
pub struct FragmentCodec {
    facts: SessionFacts,
    stores: Arc<dyn ObjectStores>,
}

impl FragmentCodec {
    pub fn new(facts: SessionFacts, stores: Arc<dyn ObjectStores>) -> FragmentCodec {
        FragmentCodec { facts, stores }
    }

    pub fn encode(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Vec<u8>> {
        Ok(physical_plan_to_bytes_with_extension_codec(plan, self)?.to_vec())
    }

    /// `context` knows the functions that are DataFusion's own.
    pub fn decode(&self, bytes: &[u8], context: &TaskContext) -> Result<Arc<dyn ExecutionPlan>> {
        physical_plan_from_bytes_with_extension_codec(bytes, context, self)
    }
}

impl PhysicalExtensionCodec for FragmentCodec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        nodes::decode(self, bytes, inputs, context)
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        bytes: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        nodes::encode(self, node.as_ref(), bytes)
    }

    fn try_encode_udf(&self, udf: &ScalarUDF, bytes: &mut Vec<u8>) -> Result<()> {
        functions::encode_scalar(udf, bytes)
    }

    fn try_decode_udf(&self, name: &str, bytes: &[u8]) -> Result<Arc<ScalarUDF>> {
        functions::decode_scalar(name, bytes, &self.facts)
    }

    fn try_encode_udaf(&self, udaf: &AggregateUDF, bytes: &mut Vec<u8>) -> Result<()> {
        functions::encode_aggregate(udaf, bytes)
    }

    fn try_decode_udaf(&self, name: &str, bytes: &[u8]) -> Result<Arc<AggregateUDF>> {
        functions::decode_aggregate(name, bytes, &self.facts)
    }

    fn try_encode_udwf(&self, udwf: &WindowUDF, bytes: &mut Vec<u8>) -> Result<()> {
        functions::encode_window(udwf, bytes)
    }

    fn try_decode_udwf(&self, name: &str, bytes: &[u8]) -> Result<Arc<WindowUDF>> {
        functions::decode_window(name, bytes, &self.facts)
    }
}
