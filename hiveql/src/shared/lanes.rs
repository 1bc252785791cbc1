//! A queue from the source to one reader: a few batches in memory, and the rest on disk where its reader stands still.
//!
//! A reader may stand still because it waits for rows that come behind those of another reader (an ordered merge of several
//! partitions does). If the source waited for it then, all would wait for ever.

use datafusion::{
    arrow::record_batch::RecordBatch,
    common::{Result, exec_err},
    execution::SendableRecordBatchStream,
    physical_plan::{SpillManager, spill::spill_pool},
};
use futures::{Stream, StreamExt, stream};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, timeout_at},
};

/// Batches that may wait in memory.
const WAITING_MAX: usize = 2;
/// A reader that takes nothing for so long is not waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// Of one file on disk, which goes when it was read.
const FILE_BYTES_MAX: usize = 64 << 20;

/// The source's end.
pub(super) struct LaneIn {
    tokens: mpsc::UnboundedSender<Token>,
    room: Arc<Semaphore>,
    pace: Pace,
    spills: Arc<SpillManager>,
    disk: Option<spill_pool::SpillPoolSink>,
}

/// The reader's end.
pub(super) struct LaneOut {
    tokens: mpsc::UnboundedReceiver<Token>,
    pace: Pace,
    disk: Option<SendableRecordBatchStream>,
}

/// In the order of the rows.
enum Token {
    Here(RecordBatch, OwnedSemaphorePermit),
    /// From here on, some batches are on disk.
    Disk(SendableRecordBatchStream),
    /// The next batch is the next one on disk.
    OnDisk,
    End,
}

/// When the reader took something last.
#[derive(Clone)]
struct Pace(Arc<Mutex<Instant>>);

impl Pace {
    fn now() -> Pace {
        Pace(Arc::new(Mutex::new(Instant::now())))
    }

    fn took(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// When patience with the reader is over.
    fn limit(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) + PATIENCE
    }
}

pub(super) fn lane(spills: Arc<SpillManager>) -> (LaneIn, LaneOut) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let pace = Pace::now();
    let room = Arc::new(Semaphore::new(WAITING_MAX));
    let input = LaneIn { tokens: sender, room, pace: pace.clone(), spills, disk: None };
    (input, LaneOut { tokens: receiver, pace, disk: None })
}

impl LaneIn {
    /// Whether nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.tokens.is_closed()
    }

    /// Returns when there is room for the batch, at the latest when the reader has stood still for a while.
    pub async fn send(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 || self.is_closed() {
            return Ok(());
        }
        let token = match self.place().await {
            Some(place) => Token::Here(batch.clone(), place),
            None => self.put_aside(batch)?,
        };
        self.tell(token);
        Ok(())
    }

    /// There are no more rows. A lane that is dropped before is broken.
    pub fn end(&mut self) {
        self.disk = None;
        self.tell(Token::End);
    }

    /// A reader that has gone wants nothing.
    fn tell(&self, token: Token) {
        let _ = self.tokens.send(token);
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(place) = timeout_at(self.pace.limit(), self.room.clone().acquire_owned()).await {
                return place.ok();
            }
            if self.pace.limit() <= Instant::now() {
                return None;
            }
        }
    }

    fn put_aside(&mut self, batch: &RecordBatch) -> Result<Token> {
        let disk = match &self.disk {
            Some(disk) => disk,
            None => {
                let (sink, rows) = spill_pool::spsc_channel(FILE_BYTES_MAX, self.spills.clone());
                self.tell(Token::Disk(rows));
                self.disk.insert(sink)
            }
        };
        disk.push_batch(batch)?;
        Ok(Token::OnDisk)
    }
}

impl LaneOut {
    pub fn rows(self) -> impl Stream<Item = Result<RecordBatch>> {
        stream::try_unfold(self, |mut lane| async move {
            let batch = lane.next().await?;
            lane.pace.took();
            Ok(batch.map(|batch| (batch, lane)))
        })
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            match self.tokens.recv().await {
                Some(Token::Here(batch, place)) => {
                    drop(place);
                    return Ok(Some(batch));
                }
                Some(Token::Disk(rows)) => self.disk = Some(rows),
                Some(Token::OnDisk) => {
                    let Some(rows) = &mut self.disk else { return exec_err!("rows on disk are nowhere") };
                    return match rows.next().await {
                        Some(batch) => batch.map(Some),
                        None => exec_err!("rows on disk are fewer than were put there"),
                    };
                }
                Some(Token::End) => return Ok(None),
                None => return exec_err!("the rows that several writers share ended early"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::{
        arrow::array::{ArrayRef, Int32Array},
        execution::runtime_env::RuntimeEnv,
        physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics},
    };
    use futures::TryStreamExt;

    fn batch(number: i32) -> RecordBatch {
        RecordBatch::try_from_iter([("n", Arc::new(Int32Array::from(vec![number])) as ArrayRef)]).unwrap()
    }

    fn one() -> (LaneIn, LaneOut, SpillMetrics) {
        let metrics = SpillMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
        let spills = SpillManager::new(Arc::new(RuntimeEnv::default()), metrics.clone(), batch(0).schema());
        let (input, output) = lane(Arc::new(spills));
        (input, output, metrics)
    }

    #[tokio::test]
    async fn a_reader_that_stands_still_gets_all_rows_later_in_order() {
        let (mut input, output, spilled) = one();
        for number in 0..50 {
            input.send(&batch(number)).await.unwrap();
        }
        let mut rows = Box::pin(output.rows());
        let first: Vec<RecordBatch> = rows.by_ref().take(10).try_collect().await.unwrap();
        for number in 50..60 {
            input.send(&batch(number)).await.unwrap();
        }
        input.end();
        let rest: Vec<RecordBatch> = rows.try_collect().await.unwrap();
        let expected: Vec<RecordBatch> = (0..60).map(batch).collect();
        assert_eq!([first, rest].concat(), expected);
        assert!(spilled.spilled_rows.value() > 0);
    }

    #[tokio::test]
    async fn a_slow_reader_holds_the_source_back() {
        let (mut input, output, spilled) = one();
        let source = async move {
            for number in 0..20 {
                input.send(&batch(number)).await.unwrap();
            }
            input.end();
        };
        let reader = output.rows().try_for_each(|_| async {
            tokio::time::sleep(PATIENCE / 10).await;
            Ok(())
        });
        let ((), read) = futures::join!(source, reader);
        read.unwrap();
        assert_eq!(spilled.spilled_rows.value(), 0);
    }

    #[tokio::test]
    async fn a_source_that_breaks_off_is_no_end() {
        let (mut input, output, _) = one();
        input.send(&batch(1)).await.unwrap();
        drop(input);
        let read: Result<Vec<RecordBatch>> = output.rows().try_collect().await;
        assert!(read.unwrap_err().to_string().contains("ended early"));
    }
}
