//! Results for the client: a few records that travel with the job's outcome instead of through files. The tasks that make
//! a plan's only result hand it over themselves; otherwise one last task gathers all results.

use super::{
    batch::{Batch, Consumer, Flow, StageEnd},
    exchange::cursor::GroupCursor,
    fault::TaskFault,
    graph::ResultNode,
    scope::TaskScope,
};
use crate::{
    limits::RESULT_BYTES_MAX,
    record::{Line, Malformed, Record},
    task_program::SortedInput,
};
use serde::{Deserialize, Serialize};
use std::{fmt, marker::PhantomData};

/// One result of a plan, as the client gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultItem {
    pub label: String,
    pub body: ResultBody,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResultBody {
    Count(u64),
    /// Text, to be printed as it is.
    Lines(Vec<Vec<u8>>),
    /// Encoded records, for the program that made the plan.
    Records(Vec<Vec<u8>>),
}

impl ResultItem {
    /// As it is printed: a count with its label, lines below it.
    pub fn write(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        match &self.body {
            ResultBody::Count(count) => writeln!(out, "{}\t{count}", self.label),
            ResultBody::Records(records) => writeln!(out, "{}\t{} records", self.label, records.len()),
            ResultBody::Lines(lines) => {
                if !self.label.is_empty() {
                    writeln!(out, "{}", self.label)?;
                }
                for line in lines {
                    out.write_all(line)?;
                    out.write_all(b"\n")?;
                }
                Ok(())
            }
        }
    }
}

/// Decodes what the tasks of a plan's last stage handed back, in their order ([`crate::model::JobView::results`]). Bytes
/// of another program's job give nothing.
pub fn decode(results: &[Vec<u8>]) -> Vec<ResultItem> {
    let mut tasks =
        results.iter().filter_map(|bytes| skep_wire::codec::decode::<Vec<ResultItem>>(bytes).ok());
    let mut items = tasks.next().unwrap_or_default();
    for more in tasks {
        items.iter_mut().zip(more).for_each(|(item, more)| item.body.append(more.body));
    }
    items
}

impl ResultBody {
    /// Adds what another task made of the same result.
    fn append(&mut self, other: ResultBody) {
        match (self, other) {
            (ResultBody::Count(count), ResultBody::Count(more)) => *count += more,
            (ResultBody::Lines(items), ResultBody::Lines(more))
            | (ResultBody::Records(items), ResultBody::Records(more)) => items.extend(more),
            // One program made both: they are of one kind.
            (_, _) => {}
        }
    }
}

/// Names a collected result, to ask a finished run for it.
pub struct Collected<T> {
    pub(crate) label: String,
    record: PhantomData<fn() -> T>,
}

impl<T: Record> Collected<T> {
    pub(super) fn new(label: String) -> Self {
        Collected { label, record: PhantomData }
    }

    /// The records among `results`.
    pub fn decode(&self, results: &[ResultItem]) -> Result<Vec<T>, Malformed> {
        for item in results {
            if let (true, ResultBody::Records(records)) = (item.label == self.label, &item.body) {
                return records.iter().map(|record| T::read_whole(record).map(T::own)).collect();
            }
        }
        Err(Malformed)
    }
}

impl<T> fmt::Debug for Collected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Collected").field(&self.label).finish()
    }
}

/// Turns the records of one result into what the client gets.
pub trait ResultFormat: Send + Sync {
    fn body(&self, records: Vec<Vec<u8>>) -> Result<ResultBody, TaskFault>;
}

pub(super) struct CountFormat;

impl ResultFormat for CountFormat {
    fn body(&self, records: Vec<Vec<u8>>) -> Result<ResultBody, TaskFault> {
        let counts = records.iter().map(|record| u64::read_whole(record));
        Ok(ResultBody::Count(counts.sum::<Result<u64, Malformed>>()?))
    }
}

pub(super) struct RecordFormat;

impl ResultFormat for RecordFormat {
    fn body(&self, records: Vec<Vec<u8>>) -> Result<ResultBody, TaskFault> {
        Ok(ResultBody::Records(records))
    }
}

pub(super) struct LineFormat<T>(PhantomData<fn() -> T>);

impl<T> LineFormat<T> {
    pub fn new() -> Self {
        LineFormat(PhantomData)
    }
}

impl<T: Line> ResultFormat for LineFormat<T> {
    fn body(&self, records: Vec<Vec<u8>>) -> Result<ResultBody, TaskFault> {
        let mut lines = Vec::with_capacity(records.len());
        for record in records {
            let mut line = Vec::new();
            T::write_line(T::read_whole(&record)?, &mut line);
            lines.push(line);
        }
        Ok(ResultBody::Lines(lines))
    }
}

/// The last task of a plan with results: side `i` brings the records of result `i`.
pub(super) fn gather(
    nodes: &[ResultNode],
    sides: Vec<Box<dyn SortedInput>>,
    scope: &TaskScope<'_>,
) -> Result<StageEnd, TaskFault> {
    let mut items = Vec::with_capacity(nodes.len());
    let mut room = Room::default();
    for (node, side) in nodes.iter().zip(sides) {
        let mut cursor = GroupCursor::new(side, scope);
        let mut records = Vec::new();
        while let Some((_, record)) = cursor.next_record()? {
            room.take(record)?;
            records.push(record.to_vec());
        }
        items.push(node.item(records)?);
    }
    Ok(end(&items))
}

/// The end of a stage whose tasks hand the records of the only result to the client themselves.
pub(super) struct ToClient<'a> {
    node: &'a ResultNode,
    records: Vec<Vec<u8>>,
    room: Room,
}

impl ToClient<'_> {
    pub fn new(node: &ResultNode) -> ToClient<'_> {
        ToClient { node, records: Vec::new(), room: Room::default() }
    }
}

impl Consumer for ToClient<'_> {
    fn push(&mut self, batch: Batch<'_>) -> Result<Flow, TaskFault> {
        for record in batch.records() {
            self.room.take(record)?;
            self.records.push(record.to_vec());
        }
        Ok(Flow::More)
    }

    fn finish(self: Box<Self>) -> Result<StageEnd, TaskFault> {
        Ok(end(&[self.node.item(self.records)?]))
    }
}

/// How much a task has gathered for the client.
#[derive(Default)]
struct Room {
    taken_bytes: usize,
}

impl Room {
    fn take(&mut self, record: &[u8]) -> Result<(), TaskFault> {
        self.taken_bytes += record.len() + size_of::<u64>();
        if self.taken_bytes > RESULT_BYTES_MAX { Err(TaskFault::ResultTooLarge) } else { Ok(()) }
    }
}

impl ResultNode {
    fn item(&self, records: Vec<Vec<u8>>) -> Result<ResultItem, TaskFault> {
        Ok(ResultItem { label: self.label.clone(), body: self.format.body(records)? })
    }
}

fn end(items: &[ResultItem]) -> StageEnd {
    StageEnd { result: skep_wire::codec::encode(&items), ..StageEnd::default() }
}
