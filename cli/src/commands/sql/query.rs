//! A query at work: its rows are made by a task of its own, so that the next ones are on their way while some are printed, and
//! so that Ctrl-C is heard even while an operator does not come up for air.

use datafusion::{
    arrow::record_batch::RecordBatch,
    error::{DataFusionError, Result},
    execution::SendableRecordBatchStream,
};
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Batches that may wait to be printed.
const AHEAD: usize = 2;

/// Dropped, the query ends.
pub struct Query {
    batches: mpsc::Receiver<Result<RecordBatch>>,
    task: AbortOnDropHandle<()>,
}

impl Query {
    pub fn start(mut stream: SendableRecordBatchStream) -> Query {
        let (sender, batches) = mpsc::channel(AHEAD);
        let task = tokio::spawn(async move {
            while let Some(batch) = stream.next().await {
                let failed = batch.is_err();
                if sender.send(batch).await.is_err() || failed {
                    break;
                }
            }
        });
        Query { batches, task: AbortOnDropHandle::new(task) }
    }

    /// `None` after the last one. Not to be asked again after that or an error.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        match self.batches.recv().await {
            Some(batch) => Some(batch),
            // Also so if the task broke down; then there may have been more.
            None => {
                let ended = (&mut self.task).await;
                ended.err().map(|error| Err(DataFusionError::ExecutionJoin(Box::new(error))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::{arrow::datatypes::Schema, physical_plan::stream::RecordBatchStreamAdapter};
    use futures::stream;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_query_that_panics_has_failed_and_not_merely_ended() {
        let schema = Arc::new(Schema::empty());
        let batches = stream::once(async { panic!("an operator broke down") });
        let mut query = Query::start(Box::pin(RecordBatchStreamAdapter::new(schema, batches)));
        assert!(query.next().await.is_some_and(|batch| batch.is_err()));
    }
}
