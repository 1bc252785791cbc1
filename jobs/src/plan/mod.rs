//! Plans: how a user writes a job, and how it becomes stages and tasks.
//!
//! * [`Plan`] and [`Dataset`] are the typed surface: sources, operators, outputs. Every call adds a node to a [`graph`].
//! * [`stages`] cuts the graph; [`compile`] adds what the input looks like and makes a job of it; [`payload`] is what
//!   travels in a task.
//! * [`program`] runs one task of a plan: [`batch`]es of encoded records go through [`narrow`] operators and
//!   [`exchange`]s. [`results`] are what the client gets without a file.
//!
//! A plan knows no workers and no scheduling: only splits that prefer some places.

pub mod batch;
pub mod compile;
pub mod counter;
mod dataset;
pub mod exchange;
pub mod fault;
mod fold;
pub mod graph;
mod key_by;
mod keyed;
pub mod narrow;
mod panics;
pub mod payload;
pub mod program;
pub mod results;
pub mod scope;
mod stage_run;
pub mod stages;
#[cfg(test)]
mod tests;

pub use batch::Emitter;
pub use counter::Counter;
pub use dataset::Dataset;
pub use exchange::group::Values;
pub use results::Collected;
pub use scope::InputPiece;

use crate::source::{
    Source,
    fixed::FixedRecords,
    lines::{LineForm, TextFiles},
    rows::Rows,
};
use graph::{Graph, NodeKind};
use std::{
    cell::{RefCell, RefMut},
    ops::Range,
    rc::Rc,
    sync::Arc,
};

/// A job while it is being written. Cheap to clone: all clones are the same plan.
#[derive(Clone, Default)]
pub struct Plan {
    graph: Rc<RefCell<Graph>>,
}

impl Plan {
    pub fn new() -> Plan {
        Plan::default()
    }

    pub(crate) fn graph(&self) -> RefMut<'_, Graph> {
        self.graph.borrow_mut()
    }

    /// Takes the graph out, and leaves the plan empty.
    pub(crate) fn take_graph(&self) -> Graph {
        self.graph.take()
    }

    /// The lines of a file, of all visible files in a directory, or of all files that a glob names. What ends with `.gz`
    /// or `.zst` is decompressed. Bytes that are not UTF-8 are replaced by U+FFFD; the counter `text.lines_not_utf8` says
    /// in how many lines.
    pub fn text_file(&self, pattern: impl Into<String>) -> Dataset<String> {
        self.text_files([pattern])
    }

    /// The lines of all files that any of the patterns names.
    pub fn text_files(&self, patterns: impl IntoIterator<Item = impl Into<String>>) -> Dataset<String> {
        let patterns = patterns.into_iter().map(Into::into).collect();
        self.source("text", TextFiles { patterns, form: LineForm::Utf8 })
    }

    /// Lines as they are, in whatever encoding.
    pub fn byte_lines(&self, pattern: impl Into<String>) -> Dataset<Vec<u8>> {
        self.source("text", TextFiles { patterns: vec![pattern.into()], form: LineForm::Bytes })
    }

    /// Records of `record_bytes` bytes each.
    pub fn binary_records(&self, record_bytes: u64, pattern: impl Into<String>) -> Dataset<Vec<u8>> {
        if record_bytes == 0 || record_bytes > crate::limits::RECORD_BYTES_MAX as u64 {
            let limit = crate::limits::RECORD_BYTES_MAX;
            let error = format!("binary_records({record_bytes}, ..): a record has from 1 to {limit} bytes");
            self.graph().errors.push(error);
        }
        let record_bytes = record_bytes.max(1);
        self.source("records", FixedRecords { record_bytes, patterns: vec![pattern.into()] })
    }

    /// The numbers themselves, cut into as many splits as there are slots: what generators map over.
    pub fn range(&self, rows: Range<u64>) -> Dataset<u64> {
        self.source("rows", Rows { rows })
    }

    /// Records of a source of your own. The caller vouches that it makes whole forms of `T`.
    pub fn source<T>(&self, name: &'static str, source: impl Source + 'static) -> Dataset<T> {
        let node = self.graph().add(name, NodeKind::Source(Arc::new(source)));
        Dataset::new(self.clone(), node)
    }

    /// A counter that any function of the plan may raise; shown with the job.
    pub fn counter(&self, name: impl Into<String>) -> Counter {
        let name = name.into();
        let counters = &mut self.graph().counters;
        let index = counters.iter().position(|known| *known == name).unwrap_or_else(|| {
            counters.push(name);
            counters.len() - 1
        });
        Counter { index }
    }

    /// Refuses the plan with a message for the user: for arguments that do not go together.
    pub fn refuse(&self, reason: impl Into<String>) {
        self.graph().errors.push(reason.into());
    }
}
