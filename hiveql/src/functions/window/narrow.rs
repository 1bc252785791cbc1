//! An evaluator of DataFusion's whose answers are cast to the type that Hive gives them: an int, not an unsigned bigint.

use datafusion::{
    arrow::{
        array::{Array, ArrayRef},
        compute::cast,
        datatypes::DataType,
    },
    common::{Result, ScalarValue},
    logical_expr::{PartitionEvaluator, window_state::WindowAggState},
};
use std::ops::Range;

#[derive(Debug)]
pub(super) struct Narrow {
    evaluator: Box<dyn PartitionEvaluator>,
    ty: DataType,
}

impl Narrow {
    pub(super) fn new(evaluator: Box<dyn PartitionEvaluator>, ty: DataType) -> Narrow {
        Narrow { evaluator, ty }
    }

    fn column(&self, values: ArrayRef) -> Result<ArrayRef> {
        if values.data_type() == &self.ty { Ok(values) } else { Ok(cast(&values, &self.ty)?) }
    }
}

impl PartitionEvaluator for Narrow {
    fn memoize(&mut self, state: &mut WindowAggState) -> Result<()> {
        self.evaluator.memoize(state)
    }

    fn get_range(&self, index: usize, rows: usize) -> Result<Range<usize>> {
        self.evaluator.get_range(index, rows)
    }

    fn is_causal(&self) -> bool {
        self.evaluator.is_causal()
    }

    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let values = self.evaluator.evaluate_all(values, rows)?;
        self.column(values)
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let value = self.evaluator.evaluate(values, range)?;
        if value.data_type() == self.ty { Ok(value) } else { value.cast_to(&self.ty) }
    }

    fn evaluate_all_with_rank(&self, rows: usize, ranks: &[Range<usize>]) -> Result<ArrayRef> {
        self.column(self.evaluator.evaluate_all_with_rank(rows, ranks)?)
    }

    fn supports_bounded_execution(&self) -> bool {
        self.evaluator.supports_bounded_execution()
    }

    fn uses_window_frame(&self) -> bool {
        self.evaluator.uses_window_frame()
    }

    fn include_rank(&self) -> bool {
        self.evaluator.include_rank()
    }
}
