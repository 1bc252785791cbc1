//! What an aggregate of ours must be able to do.

use datafusion::{
    arrow::datatypes::DataType,
    common::{Result, ScalarValue, internal_err},
    logical_expr::{Accumulator, GroupsAccumulator},
};
use std::fmt;

/// An aggregate whose constants are known. It makes accumulators.
pub(super) trait Body: fmt::Debug + Send + Sync {
    /// The columns of a partial result.
    fn state(&self) -> Vec<(&'static str, DataType)>;

    /// For one group. `evaluate` leaves it as it was, so that a growing window can ask again.
    fn accumulator(&self) -> Result<Box<dyn Accumulator>>;

    /// Whether there is an accumulator for many groups at once.
    fn has_groups(&self) -> bool {
        false
    }

    /// For many groups at once.
    fn groups(&self) -> Result<Box<dyn GroupsAccumulator>> {
        internal_err!("{self:?} works on one group at a time")
    }

    /// For a window whose start moves, where that can do better than beginning anew for each row.
    fn sliding(&self) -> Result<Option<Box<dyn Accumulator>>> {
        Ok(None)
    }

    /// What it answers of no rows, if not NULL.
    fn empty(&self) -> Option<ScalarValue> {
        None
    }
}
