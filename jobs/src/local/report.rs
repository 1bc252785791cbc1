//! What a person sees of a local run: progress while stderr is a terminal, counters and outputs at the end.

use super::LocalRun;
use crate::model::StageSpec;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Write};

pub struct Report {
    bar: ProgressBar,
    number: usize,
}

impl Report {
    /// Silent, for tests and programs.
    pub fn silent() -> Report {
        Report { bar: ProgressBar::hidden(), number: 0 }
    }

    pub fn on_stderr() -> Report {
        if !io::stderr().is_terminal() {
            return Report::silent();
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} tasks  {msg}") {
            bar.set_style(style);
        }
        Report { bar, number: 0 }
    }

    pub(super) fn begin(&mut self, stage: &StageSpec) {
        self.bar.reset();
        self.bar.set_length(stage.tasks.len() as u64);
        self.bar.set_position(0);
        self.bar.set_prefix(format!("stage {}", self.number));
        self.bar.set_message(stage.name.clone());
        self.number += 1;
    }

    pub(super) fn task_done(&self) {
        self.bar.inc(1);
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl LocalRun {
    /// Results go to stdout, the rest to stderr.
    pub fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for item in &self.results {
            item.write(&mut out)?;
        }
        out.flush()?;
        let mut notes = io::stderr().lock();
        for (name, value) in &self.counters {
            writeln!(notes, "{name}: {value}")?;
        }
        for output in &self.outputs {
            writeln!(notes, "output: {output}")?;
        }
        Ok(())
    }
}
