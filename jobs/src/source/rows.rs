//! Numbered rows out of nothing: what generators map over.

use super::{Source, SourceError, Split, SplitSizes, SplitWork};
use crate::{
    plan::{
        batch::{BatchBuilder, Consumer, Flow},
        fault::TaskFault,
        scope::TaskScope,
    },
    record::Record,
};
use futures::future::BoxFuture;
use skep_hdfs::stores::Stores;
use std::ops::Range;

/// Rows that one task makes, at most.
const ROWS_PER_SPLIT_MAX: u64 = 1 << 20;

pub struct Rows {
    pub rows: Range<u64>,
}

impl Source for Rows {
    fn inputs(&self) -> Vec<String> {
        Vec::new()
    }

    fn splits<'a>(
        &'a self,
        _: &'a Stores,
        sizes: SplitSizes,
    ) -> BoxFuture<'a, Result<Vec<Split>, SourceError>> {
        Box::pin(async move { Ok(self.cut(sizes)) })
    }

    fn read(&self, work: &SplitWork, scope: &TaskScope<'_>, out: &mut dyn Consumer) -> Result<(), TaskFault> {
        let SplitWork::Rows { start, end } = *work else {
            return Err(TaskFault::Undecodable(format!("a source of rows got the split {work:?}")));
        };
        scope.begin_piece("", start, end - start);
        let mut rows = BatchBuilder::default();
        let mut next = start;
        while next < end {
            rows.clear();
            while next < end && !rows.is_full() {
                rows.push_with(|bytes| u64::write_whole(next, bytes));
                next += 1;
            }
            let batch = rows.checked()?;
            let records = batch.len() as u64;
            scope.pulse(records * size_of::<u64>() as u64, records)?;
            if out.push(batch)? == Flow::Enough {
                break;
            }
        }
        Ok(())
    }
}

impl Rows {
    fn cut(&self, sizes: SplitSizes) -> Vec<Split> {
        let total = self.rows.end.saturating_sub(self.rows.start);
        let fewest = total.div_ceil(ROWS_PER_SPLIT_MAX).max(u64::from(sizes.splits_min));
        let count = fewest.min(total).max(1);
        let at =
            |index: u64| self.rows.start + (u128::from(total) * u128::from(index) / u128::from(count)) as u64;
        (0..count)
            .map(|index| {
                let (start, end) = (at(index), at(index + 1));
                let input_bytes = (end - start) * size_of::<u64>() as u64;
                Split { work: SplitWork::Rows { start, end }, preferred: Vec::new(), input_bytes }
            })
            .collect()
    }
}
