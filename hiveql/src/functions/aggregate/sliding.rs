//! Any aggregate of ours over a window whose start moves: the rows of the frame are kept and gone through again.

use super::body::Body;
use datafusion::{
    arrow::array::{Array, ArrayRef},
    common::{Result, ScalarValue},
    logical_expr::Accumulator,
};
use std::{collections::VecDeque, mem::size_of, sync::Arc};

/// The frame, oldest rows first. Rows leave in the order in which they came.
#[derive(Debug)]
pub(super) struct Sliding {
    body: Arc<dyn Body>,
    frame: VecDeque<Vec<ArrayRef>>,
}

impl Sliding {
    pub(super) fn new(body: Arc<dyn Body>) -> Sliding {
        Sliding { body, frame: VecDeque::new() }
    }

    fn replay(&self) -> Result<Box<dyn Accumulator>> {
        let mut accumulator = self.body.accumulator()?;
        for columns in &self.frame {
            accumulator.update_batch(columns)?;
        }
        Ok(accumulator)
    }
}

impl Accumulator for Sliding {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if values.first().is_some_and(|column| !column.is_empty()) {
            self.frame.push_back(values.to_vec());
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let mut leaving = values.first().map_or(0, |column| column.len());
        while leaving > 0 {
            let Some(columns) = self.frame.front_mut() else { break };
            let rows = columns.first().map_or(0, |column| column.len());
            if rows > leaving {
                for column in columns {
                    *column = column.slice(leaving, rows - leaving);
                }
                break;
            }
            leaving -= rows;
            self.frame.pop_front();
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.replay()?.evaluate()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.replay()?.state()
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        datafusion::common::internal_err!("a window has no partial results")
    }

    fn size(&self) -> usize {
        let columns: usize = self.frame.iter().flatten().map(|column| column.get_array_memory_size()).sum();
        size_of::<Self>() + columns
    }
}
