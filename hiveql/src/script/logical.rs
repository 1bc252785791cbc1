//! TRANSFORM in a logical plan.

use super::ScriptDescription;
use datafusion::{
    common::{DFSchema, DFSchemaRef, Result, plan_err},
    logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore},
};
use std::{cmp::Ordering, fmt, sync::Arc};

/// All columns of the input go into the script, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScriptNode {
    input: LogicalPlan,
    description: Arc<ScriptDescription>,
    schema: DFSchemaRef,
}

impl ScriptNode {
    /// `names`: those of the script's columns in the plan.
    pub fn try_new(
        input: LogicalPlan,
        description: Arc<ScriptDescription>,
        names: &[String],
    ) -> Result<ScriptNode> {
        let columns = description.output.columns.iter();
        let columns: Vec<_> = names.iter().cloned().zip(columns.map(|(_, ty)| ty.clone())).collect();
        let fields = crate::formats::arrow_schema(&columns).fields().clone();
        let schema = Arc::new(DFSchema::from_unqualified_fields(fields, Default::default())?);
        Ok(ScriptNode { input, description, schema })
    }

    pub fn description(&self) -> &Arc<ScriptDescription> {
        &self.description
    }
}

/// There is no order among them; equal ones are equal.
impl PartialOrd for ScriptNode {
    fn partial_cmp(&self, other: &ScriptNode) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for ScriptNode {
    fn name(&self) -> &str {
        "Script"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn fmt_for_explain(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Script: {}", self.description.command)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<ScriptNode> {
        let Ok([input]) = <[LogicalPlan; 1]>::try_from(inputs) else {
            return plan_err!("a script has one input");
        };
        Ok(ScriptNode { input, description: self.description.clone(), schema: self.schema.clone() })
    }

    fn necessary_children_exprs(&self, _: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![(0..self.input.schema().fields().len()).collect()])
    }
}
