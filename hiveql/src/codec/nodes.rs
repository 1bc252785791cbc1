//! The plan nodes of this crate. Each has a variant of [`Node`] that says all that its twin in another process needs,
//! but for its children: those travel by themselves.

use super::{FragmentCodec, SortKey, decode_expression, encode_expression};
use crate::{
    reducers::ReducersExec,
    scan::{HiveScanExec, ScanDescription},
    script::{ScriptDescription, ScriptExec},
    shared::{FanOutExec, Scope, SharedReadExec},
    stages::{ReadFrom, ShuffleReadExec},
    write::{WriteDescription, WriteExec},
};
use datafusion::{
    arrow::datatypes::{Schema, SchemaRef},
    common::{DataFusionError, Result, internal_err, not_impl_err},
    execution::TaskContext,
    physical_expr::equivalence::AcrossPartitions,
    physical_expr::{ConstExpr, EquivalenceProperties, LexOrdering},
    physical_plan::{ExecutionPlan, Partitioning, PhysicalExpr},
};
use datafusion_proto::protobuf;
use prost::Message;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize, Deserialize)]
enum Node {
    Scan {
        description: ScanDescription,
        predicate: Option<Vec<u8>>,
    },
    Read(Box<Read>),
    Script {
        description: Box<ScriptDescription>,
        schema: Vec<u8>,
    },
    /// Asks for partitions and an order, which a plan that is cut has already.
    Reducers,
    Write(Box<WriteDescription>),
    FanOut(Scope),
    SharedRead {
        number: usize,
        columns: Vec<usize>,
        schema: Vec<u8>,
        partitions: usize,
        bytes: Option<u64>,
    },
}

/// A [`ShuffleReadExec`].
#[derive(Serialize, Deserialize)]
struct Read {
    stage: usize,
    from: ReadFrom,
    schema: Vec<u8>,
    partitions: usize,
    /// What the partitions were made by, where it was a hash.
    hashed: Option<Vec<Vec<u8>>>,
    merged: Option<Vec<SortKey>>,
    fetch: Option<usize>,
    /// What is known of the rows: orderings, constants, and pairs of equal expressions.
    orderings: Vec<Vec<SortKey>>,
    constants: Vec<Vec<u8>>,
    equal: Vec<(Vec<u8>, Vec<u8>)>,
}

pub(super) fn encode(codec: &FragmentCodec, node: &dyn ExecutionPlan, bytes: &mut Vec<u8>) -> Result<()> {
    let node = if let Some(scan) = node.downcast_ref::<HiveScanExec>() {
        let predicate = scan.predicate().map(|predicate| encode_expression(codec, predicate));
        Node::Scan { description: scan.description().clone(), predicate: predicate.transpose()? }
    } else if let Some(read) = node.downcast_ref::<ShuffleReadExec>() {
        Node::Read(Box::new(encode_read(codec, read)?))
    } else if let Some(script) = node.downcast_ref::<ScriptExec>() {
        let schema: protobuf::Schema = script.schema().as_ref().try_into()?;
        let description = Box::new(script.description().clone());
        Node::Script { description, schema: schema.encode_to_vec() }
    } else if node.is::<ReducersExec>() {
        Node::Reducers
    } else if let Some(write) = node.downcast_ref::<WriteExec>() {
        Node::Write(Box::new(write.description().clone()))
    } else if let Some(fan) = node.downcast_ref::<FanOutExec>() {
        Node::FanOut(fan.scope())
    } else if let Some(read) = node.downcast_ref::<SharedReadExec>() {
        let schema: protobuf::Schema = read.schema().as_ref().try_into()?;
        Node::SharedRead {
            number: read.number(),
            columns: read.columns().to_vec(),
            schema: schema.encode_to_vec(),
            partitions: read.properties().output_partitioning().partition_count(),
            bytes: read.bytes(),
        }
    } else {
        return not_impl_err!("{} cannot run in another process", node.name());
    };
    skep_wire::codec::encode_into(&node, bytes);
    Ok(())
}

pub(super) fn decode(
    codec: &FragmentCodec,
    bytes: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
    context: &TaskContext,
) -> Result<Arc<dyn ExecutionPlan>> {
    match skep_wire::codec::decode(bytes).map_err(|error| DataFusionError::External(error.into()))? {
        Node::Scan { description, predicate } => {
            let store = codec.stores.store(&description.file_name_prefix)?;
            let columns = description.data_schema();
            let predicate = predicate.map(|bytes| decode_expression(codec, &bytes, &columns, context));
            let scan = HiveScanExec::try_new(description, store)?;
            Ok(Arc::new(scan.with_predicate(predicate.transpose()?)))
        }
        Node::Read(read) => decode_read(codec, &read, context),
        Node::Script { description, schema } => {
            let script = ScriptExec::try_new(only(inputs)?, Arc::from(description), decode_schema(&schema)?)?;
            Ok(Arc::new(script))
        }
        Node::Reducers => only(inputs),
        Node::Write(description) => {
            let input = only(inputs)?;
            let store = codec.stores.store(&description.prefix)?;
            let format = Arc::new(description.format()?);
            Ok(Arc::new(WriteExec::new(Arc::new(*description), format, store, input)))
        }
        Node::FanOut(scope) => {
            let Some((source, branches)) = inputs.split_first() else {
                return internal_err!("there is nothing to share");
            };
            Ok(Arc::new(FanOutExec::try_new(Arc::clone(source), branches.to_vec(), scope)?))
        }
        Node::SharedRead { number, columns, schema, partitions, bytes } => {
            let schema = decode_schema(&schema)?;
            Ok(Arc::new(SharedReadExec::new(number, columns, schema, partitions, bytes)))
        }
    }
}

fn only(inputs: &[Arc<dyn ExecutionPlan>]) -> Result<Arc<dyn ExecutionPlan>> {
    match inputs {
        [input] => Ok(Arc::clone(input)),
        _ => internal_err!("a node with {} inputs instead of one", inputs.len()),
    }
}

fn decode_schema(bytes: &[u8]) -> Result<SchemaRef> {
    let schema = protobuf::Schema::decode(bytes).map_err(|error| DataFusionError::External(error.into()))?;
    Ok(Arc::new(Schema::try_from(&schema)?))
}

type Bytes = Vec<u8>;

fn encode_read(codec: &FragmentCodec, read: &ShuffleReadExec) -> Result<Read> {
    let expression = |expression: &Arc<dyn PhysicalExpr>| encode_expression(codec, expression);
    let ordering = |ordering: &LexOrdering| -> Result<Vec<SortKey>> {
        ordering.iter().map(|key| SortKey::encode(codec, key)).collect()
    };
    let schema: protobuf::Schema = read.schema().as_ref().try_into()?;
    let hashed = match read.partitioning() {
        Partitioning::Hash(keys, _) => Some(keys.iter().map(expression).collect::<Result<Vec<_>>>()?),
        _ => None,
    };
    let known = read.equivalences();
    let constants = known.constants();
    let mut equal: Vec<(Bytes, Bytes)> = Vec::new();
    for class in known.eq_group().iter() {
        let members = class.iter().map(expression).collect::<Result<Vec<_>>>()?;
        let pairs = members.windows(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        equal.extend(pairs);
    }
    Ok(Read {
        stage: read.stage(),
        from: read.from(),
        schema: schema.encode_to_vec(),
        partitions: read.partitioning().partition_count(),
        hashed,
        merged: read.merged().map(ordering).transpose()?,
        fetch: read.fetch(),
        orderings: known.oeq_class().iter().map(ordering).collect::<Result<_>>()?,
        constants: constants.iter().map(|constant| expression(&constant.expr)).collect::<Result<_>>()?,
        equal,
    })
}

fn decode_read(codec: &FragmentCodec, read: &Read, context: &TaskContext) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = decode_schema(&read.schema)?;
    let expression = |bytes: &Bytes| decode_expression(codec, bytes, &schema, context);
    let ordering = |keys: &Vec<SortKey>| {
        let keys = keys.iter().map(|key| key.decode(codec, &schema, context));
        Ok::<_, DataFusionError>(LexOrdering::new(keys.collect::<Result<Vec<_>>>()?))
    };
    let mut known = EquivalenceProperties::new(Arc::clone(&schema));
    let constants = read
        .constants
        .iter()
        .map(|bytes| Ok(ConstExpr::new(expression(bytes)?, AcrossPartitions::Heterogeneous)));
    known.add_constants(constants.collect::<Result<Vec<_>>>()?)?;
    for (left, right) in &read.equal {
        known.add_equal_conditions(expression(left)?, expression(right)?)?;
    }
    for keys in &read.orderings {
        known.add_orderings(ordering(keys)?);
    }
    let partitioning = match &read.hashed {
        Some(keys) => {
            Partitioning::Hash(keys.iter().map(expression).collect::<Result<_>>()?, read.partitions)
        }
        None => Partitioning::UnknownPartitioning(read.partitions),
    };
    let merged = read.merged.as_ref().map(ordering).transpose()?.flatten();
    let node = ShuffleReadExec::new(read.stage, read.from, known, partitioning);
    Ok(Arc::new(node.merging(merged).fetching(read.fetch)))
}
