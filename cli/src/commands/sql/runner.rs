//! Runs scripts, statement by statement: what came out is printed, what failed is told, and Ctrl-C ends what runs.

use super::{
    connection::Connection,
    console::Console,
    failure::{self, Excerpt},
    interrupt::Interrupts,
    print::{self, Shape},
    progress::Progress,
    query::Query,
    script::Script,
};
use crate::args::sql::Format;
use datafusion::error::DataFusionError;
use skep_hiveql::{
    session::{Answer, Rows, SessionError},
    syntax::script::Piece,
};
use std::{
    io::{self, Write},
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
    vec,
};

/// How deep SOURCE may go: a script that runs itself would not end otherwise.
const SOURCE_DEPTH_MAX: usize = 64;
const HEADER: &str = "hive.cli.print.header";
const IGNORE_ERRORS: &str = "hive.cli.errors.ignore";

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    AtItsEnd,
    /// By QUIT.
    Quit,
    /// At a statement that failed.
    Failed,
    Interrupted,
}

/// How one statement ended.
enum Outcome {
    Done,
    Source(String),
    Quit,
    Failed(SessionError),
    Interrupted,
}

/// A script and what of it is still to run.
struct Frame {
    script: Rc<Script>,
    rest: vec::IntoIter<Piece>,
}

impl Frame {
    fn of(script: Script) -> Frame {
        let rest = script.pieces().into_iter();
        Frame { script: Rc::new(script), rest }
    }
}

pub struct Runner {
    pub console: Console,
    pub interrupts: Interrupts,
    pub continue_on_error: bool,
    /// Some statement failed, whether or not its script went on.
    pub failed: bool,
}

impl Runner {
    pub fn new(console: Console, interrupts: Interrupts, continue_on_error: bool) -> Runner {
        Runner { console, interrupts, continue_on_error, failed: false }
    }

    /// Runs a script and those that it sources. Only the streams of the console can fail.
    pub async fn run(&mut self, connection: &mut Connection, script: Script) -> io::Result<Ended> {
        let mut frames = vec![Frame::of(script)];
        while let Some(frame) = frames.last_mut() {
            let Some(piece) = frame.rest.next() else {
                frames.pop();
                continue;
            };
            let script = Rc::clone(&frame.script);
            let mut outcome = self.statement(connection, &piece.text).await?;
            if let Outcome::Source(file) = &outcome {
                outcome = match sourced(file, frames.len()) {
                    Ok(script) => {
                        frames.push(Frame::of(script));
                        Outcome::Done
                    }
                    Err(error) => Outcome::Failed(error),
                };
            }
            match outcome {
                Outcome::Done | Outcome::Source(_) => {}
                Outcome::Quit => return Ok(Ended::Quit),
                Outcome::Interrupted => {
                    if let Err(error) = connection.clear_cancelled().await {
                        self.fail(&error.message)?;
                    }
                    return Ok(Ended::Interrupted);
                }
                Outcome::Failed(error) => {
                    self.tell(&error, &script, &piece)?;
                    if !self.continue_on_error && !connection.is_set(IGNORE_ERRORS) {
                        return Ok(Ended::Failed);
                    }
                }
            }
        }
        Ok(Ended::AtItsEnd)
    }

    /// A failure that no statement is to blame for.
    pub fn fail(&mut self, message: &str) -> io::Result<()> {
        self.failed = true;
        self.console.out.flush()?;
        failure::write(message, None, &[], &mut self.console.err)
    }

    fn tell(&mut self, error: &SessionError, script: &Script, piece: &Piece) -> io::Result<()> {
        self.failed = true;
        // What the statement had printed stands before its error where both go to one place.
        self.console.out.flush()?;
        let span = error.span.map(|span| script.place(piece, span));
        let excerpt = span.map(|span| Excerpt { name: &script.name, text: &script.text, span });
        failure::write(&error.message, excerpt.as_ref(), &error.hints, &mut self.console.err)
    }

    async fn statement(&mut self, connection: &mut Connection, text: &str) -> io::Result<Outcome> {
        if self.console.manner.echo {
            writeln!(self.console.err, "{text};")?;
        }
        self.interrupts.forget();
        let started = Instant::now();
        let mut progress = Progress::begin(self.console.manner.progress, connection.progress());
        let interrupts = self.interrupts.clone();
        let answer = tokio::select! {
            biased;
            () = interrupts.pressed() => return Ok(Outcome::Interrupted),
            answer = connection.run(text) => answer,
        };
        match answer {
            Err(error) => Ok(Outcome::Failed(error)),
            Ok(Answer::Quit) => Ok(Outcome::Quit),
            Ok(Answer::Source(file)) => Ok(Outcome::Source(file)),
            Ok(Answer::Text(lines)) => {
                progress.clear();
                self.console.lines(&lines)?;
                Ok(Outcome::Done)
            }
            // The connection has run it.
            Ok(Answer::Shell(_)) => Ok(Outcome::Done),
            Ok(Answer::Done { notes }) => {
                progress.clear();
                self.note(&notes)?;
                self.took(started.elapsed(), None)?;
                Ok(Outcome::Done)
            }
            Ok(Answer::Rows(rows)) => {
                let header = connection.is_set(HEADER);
                self.rows(rows, header, started, progress).await
            }
        }
    }

    async fn rows(
        &mut self,
        rows: Rows,
        header_is_set: bool,
        started: Instant,
        mut progress: Progress,
    ) -> io::Result<Outcome> {
        let manner = self.console.manner;
        let header = manner.header.unwrap_or(manner.format == Format::Table || header_is_set);
        let mut printer =
            print::printer(manner.format, Shape { columns: rows.columns, facts: rows.facts, header });
        let interrupts = self.interrupts.clone();
        let mut query = Query::start(rows.stream);
        let mut fetched = 0_u64;
        loop {
            let batch = tokio::select! {
                biased;
                () = interrupts.pressed() => return Ok(Outcome::Interrupted),
                batch = query.next() => batch,
            };
            match batch {
                None => break,
                Some(Err(error)) => {
                    progress.clear();
                    // The table may hold back rows that are good.
                    printer.end(&mut self.console.out)?;
                    return Ok(Outcome::Failed(error.into()));
                }
                Some(Ok(batch)) => {
                    fetched += batch.num_rows() as u64;
                    if self.console.out_is_terminal {
                        progress.clear();
                    }
                    progress.rows(fetched);
                    if let Err(error) = printer.batch(&batch, &mut self.console.out) {
                        // Either a value cannot be shown or it cannot be written.
                        return match error.downcast::<DataFusionError>() {
                            Ok(error) => Ok(Outcome::Failed(error.into())),
                            Err(error) => Err(error),
                        };
                    }
                    self.console.out.flush()?;
                }
            }
        }
        progress.clear();
        printer.end(&mut self.console.out)?;
        self.console.out.flush()?;
        self.took(started.elapsed(), Some(fetched))?;
        Ok(Outcome::Done)
    }

    fn note(&mut self, notes: &[String]) -> io::Result<()> {
        if self.console.manner.notes {
            for note in notes {
                writeln!(self.console.err, "{note}")?;
            }
        }
        Ok(())
    }

    /// In the words of Hive's command line.
    fn took(&mut self, time: Duration, fetched: Option<u64>) -> io::Result<()> {
        if !self.console.manner.times {
            return Ok(());
        }
        let seconds = time.as_secs_f64();
        match fetched {
            Some(rows) => {
                writeln!(self.console.err, "Time taken: {seconds:.3} seconds, Fetched: {rows} row(s)")
            }
            None => writeln!(self.console.err, "Time taken: {seconds:.3} seconds"),
        }
    }
}

fn sourced(file: &str, depth: usize) -> Result<Script, SessionError> {
    let failed = |message: String| SessionError { message, span: None, hints: Vec::new() };
    if depth > SOURCE_DEPTH_MAX {
        return Err(failed(format!("SOURCE goes deeper than {SOURCE_DEPTH_MAX} files: {file}")));
    }
    let path = file.strip_prefix("file://").unwrap_or(file);
    Script::file(Path::new(path)).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests;
