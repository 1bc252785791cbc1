//! A program that answers rows: processes that wait for the next batch, and how one is asked.

use super::ProgramDescription;
use crate::{
    formats::{RowFormat, arrow_schema},
    script::{Formats, RunningScript, ScriptDescription, ScriptError, ScriptPlace},
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_empty_array},
        compute::concat,
        datatypes::SchemaRef,
    },
    common::{DataFusionError, Result},
};
use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

/// So long a program may be silent while it owes answers.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Debug, thiserror::Error)]
pub(super) enum ServiceError {
    #[error("{function}: {source}")]
    Script { function: String, source: ScriptError },
    #[error("{function}: `{command}` ended after {found} answers to {rows} rows")]
    Ended { function: String, command: String, found: usize, rows: usize },
    #[error(
        "{function}: `{command}` gave {found} answers to {rows} rows: it must answer each line with one line"
    )]
    TooMany { function: String, command: String, found: usize, rows: usize },
    #[error(
        "{function}: `{command}` has given {found} answers to {rows} rows and been silent for {} s: it must flush its \
         output after each answer",
        PATIENCE.as_secs()
    )]
    Silent { function: String, command: String, found: usize, rows: usize },
}

/// One function's processes. Each that is not at work waits here; all end with it.
pub(super) struct Service {
    function: String,
    description: ScriptDescription,
    place: ScriptPlace,
    formats: Formats,
    arguments: SchemaRef,
    idle: Mutex<Vec<RunningScript>>,
    patience: Duration,
}

impl Service {
    pub(super) fn new(
        described: ProgramDescription,
        types: &[HiveType],
        place: ScriptPlace,
    ) -> std::result::Result<Service, ScriptError> {
        let names = (0..types.len()).map(|index| format!("_{index}"));
        let columns: Vec<(String, HiveType)> = names.zip(types.iter().cloned()).collect();
        let input = described.words(columns.clone());
        let output = described.words(vec![("answer".to_owned(), described.returns.clone())]);
        let formats =
            Formats { input: Arc::new(RowFormat::new(&input)?), output: Arc::new(RowFormat::new(&output)?) };
        let ProgramDescription { function, command, environment, files, .. } = described;
        Ok(Service {
            function,
            description: ScriptDescription { command, input, output, partial: false, environment, files },
            place,
            formats,
            arguments: arrow_schema(&columns),
            idle: Mutex::default(),
            patience: PATIENCE,
        })
    }

    /// The answers to the rows, in their order. Waits for the program.
    pub(super) fn answers(&self, arguments: Vec<ArrayRef>, rows: usize) -> Result<ArrayRef> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.arguments.clone(), arguments, &options)?;
        let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut running = match waiting {
            Some(running) => running,
            None => RunningScript::start(&self.description, &self.formats, &self.place)
                .map_err(|source| self.failed(source))?,
        };
        let answers = self.ask(&mut running, batch)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(running);
        Ok(answers)
    }

    fn ask(&self, running: &mut RunningScript, batch: RecordBatch) -> Result<ArrayRef> {
        let rows = batch.num_rows();
        // What comes unasked would be taken for answers to these rows.
        if let Some(Ok(Some(answers))) = next(running, Duration::ZERO) {
            let (function, command) = (self.function.clone(), self.description.command.clone());
            let found = answers.num_rows();
            return Err(external(ServiceError::TooMany { function, command, found, rows: 0 }));
        }
        // There is room: what went in before has been answered. A program that reads no more says why below.
        if let Some(feed) = &running.feed {
            let _ = feed.try_send(batch);
        }
        let mut found = 0;
        let mut parts: Vec<ArrayRef> = Vec::new();
        while found < rows {
            let (function, command) = (self.function.clone(), self.description.command.clone());
            match next(running, self.patience) {
                Some(Ok(Some(answers))) => {
                    found += answers.num_rows();
                    parts.extend(answers.columns().first().cloned());
                }
                Some(Err(source)) => return Err(self.failed(source)),
                Some(Ok(None)) => {
                    return Err(external(ServiceError::Ended { function, command, found, rows }));
                }
                None => return Err(external(ServiceError::Silent { function, command, found, rows })),
            }
        }
        if found > rows {
            let (function, command) = (self.function.clone(), self.description.command.clone());
            return Err(external(ServiceError::TooMany { function, command, found, rows }));
        }
        match parts.as_slice() {
            [] => Ok(new_empty_array(self.formats.output.schema().field(0).data_type())),
            [only] => Ok(only.clone()),
            several => {
                Ok(concat(&several.iter().map(|part| part.as_ref() as &dyn Array).collect::<Vec<_>>())?)
            }
        }
    }

    fn failed(&self, source: ScriptError) -> DataFusionError {
        external(ServiceError::Script { function: self.function.clone(), source })
    }
}

fn external(error: ServiceError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

type Answers = std::result::Result<Option<RecordBatch>, ScriptError>;

/// The next rows of the program; `None` where it is silent for too long. Expressions are computed by threads that may
/// not wait in the runtime's own way, so this one sleeps until the reader wakes it.
fn next(running: &mut RunningScript, patience: Duration) -> Option<Answers> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut next = pin!(tokio::task::unconstrained(poll_fn(|context| running.rows.poll_recv(context))));
    let end = Instant::now() + patience;
    loop {
        if let Poll::Ready(answers) = next.as_mut().poll(&mut context) {
            // A reader that is gone without a word has nothing more to say.
            return Some(answers.unwrap_or(Ok(None)));
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
impl Service {
    pub(super) fn with_patience(self, patience: Duration) -> Service {
        Service { patience, ..self }
    }

    pub(super) fn processes(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
