//! Expressions inside of nodes of ours.

use super::FragmentCodec;
use datafusion::{
    arrow::{compute::SortOptions, datatypes::Schema},
    common::{DataFusionError, Result},
    execution::TaskContext,
    physical_expr::PhysicalSortExpr,
    physical_plan::PhysicalExpr,
};
use datafusion_proto::{
    physical_plan::{
        DefaultPhysicalProtoConverter, PhysicalPlanDecodeContext, PhysicalProtoConverterExtension,
    },
    protobuf,
};
use prost::Message;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub fn encode_expression(codec: &FragmentCodec, expression: &Arc<dyn PhysicalExpr>) -> Result<Vec<u8>> {
    let node = DefaultPhysicalProtoConverter {}.physical_expr_to_proto(expression, codec)?;
    Ok(node.encode_to_vec())
}

/// Over the columns of `schema`.
pub fn decode_expression(
    codec: &FragmentCodec,
    bytes: &[u8],
    schema: &Schema,
    context: &TaskContext,
) -> Result<Arc<dyn PhysicalExpr>> {
    let node =
        protobuf::PhysicalExprNode::decode(bytes).map_err(|error| DataFusionError::External(error.into()))?;
    let context = PhysicalPlanDecodeContext::new(context, codec);
    DefaultPhysicalProtoConverter {}.proto_to_physical_expr(&node, schema, &context)
}

/// One key of an ordering as it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SortKey {
    expression: Vec<u8>,
    descending: bool,
    nulls_first: bool,
}

impl SortKey {
    pub(super) fn encode(codec: &FragmentCodec, key: &PhysicalSortExpr) -> Result<SortKey> {
        Ok(SortKey {
            expression: encode_expression(codec, &key.expr)?,
            descending: key.options.descending,
            nulls_first: key.options.nulls_first,
        })
    }

    pub(super) fn decode(
        &self,
        codec: &FragmentCodec,
        schema: &Schema,
        context: &TaskContext,
    ) -> Result<PhysicalSortExpr> {
        let options = SortOptions { descending: self.descending, nulls_first: self.nulls_first };
        Ok(PhysicalSortExpr::new(decode_expression(codec, &self.expression, schema, context)?, options))
    }
}
