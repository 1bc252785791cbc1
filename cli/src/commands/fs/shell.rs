//! What every command of `skep fs` has at hand: the files, its output, and the failures that it has told. One bad path does
//! not keep a command from the others; it makes the exit code 1.

use super::{
    error::{FsError, Reason},
    files::Files,
    item::Item,
    storage::Found,
    words::Words,
};
use std::{
    cell::{Cell, RefCell},
    io::{BufWriter, Stdout, Write, stdout},
};

pub struct Shell {
    pub files: Files,
    /// The command's name, in front of its messages.
    pub name: &'static str,
    pub words: Words,
    failures: Cell<u32>,
    output_closed: Cell<bool>,
    out: RefCell<BufWriter<Stdout>>,
    /// Files in the making that nobody must find if the command is interrupted.
    unfinished: RefCell<Vec<Item>>,
}

impl Shell {
    pub fn new(files: Files, name: &'static str, words: Words) -> Shell {
        Shell {
            files,
            name,
            words,
            failures: Cell::new(0),
            output_closed: Cell::new(false),
            out: RefCell::new(BufWriter::new(stdout())),
            unfinished: RefCell::default(),
        }
    }

    pub fn has(&self, flag: &str) -> bool {
        self.words.has(flag)
    }

    /// Tells what is wrong with one path, and goes on.
    pub fn fail(&self, error: &FsError) {
        if matches!(error.reason, Reason::OutputClosed) {
            self.output_closed.set(true);
            return;
        }
        let _ = self.out.borrow_mut().flush();
        self.failures.set(self.failures.get() + 1);
        eprintln!("{}: {error}", self.name);
    }

    /// A failure without a message: `test` answers by its exit code.
    pub fn fail_silently(&self) {
        self.failures.set(self.failures.get() + 1);
    }

    /// Nobody reads the output any more: there is nothing left to do.
    pub fn is_output_closed(&self) -> bool {
        self.output_closed.get()
    }

    pub fn failures(&self) -> u32 {
        self.failures.get()
    }

    pub fn line(&self, text: &str) -> Result<(), FsError> {
        writeln!(self.out.borrow_mut(), "{text}").map_err(FsError::output)
    }

    pub fn write(&self, bytes: &[u8]) -> Result<(), FsError> {
        self.out.borrow_mut().write_all(bytes).map_err(FsError::output)
    }

    pub fn flush(&self) -> Result<(), FsError> {
        self.out.borrow_mut().flush().map_err(FsError::output)
    }

    pub fn columns(&self, rows: &[Vec<String>], right: &[usize]) -> Result<(), FsError> {
        super::sizes::write_columns(&mut *self.out.borrow_mut(), rows, right).map_err(FsError::output)
    }

    /// Does something with everything that the paths and patterns name; failures are told one by one.
    pub async fn each(&self, paths: &[String], mut work: impl AsyncFnMut(Found) -> Result<(), FsError>) {
        for path in paths {
            let found = match self.files.expand(path).await {
                Ok(found) => found,
                Err(error) => {
                    self.fail(&error);
                    continue;
                }
            };
            for found in found {
                if let Err(error) = work(found).await {
                    self.fail(&error);
                }
                if self.is_output_closed() {
                    return;
                }
            }
        }
    }

    pub fn begin_unfinished(&self, item: &Item) {
        self.unfinished.borrow_mut().push(item.clone());
    }

    pub fn end_unfinished(&self, item: &Item) {
        self.unfinished.borrow_mut().retain(|unfinished| unfinished != item);
    }

    /// After an interruption.
    pub async fn remove_unfinished(&self) {
        for item in self.unfinished.take() {
            if let Ok(storage) = self.files.storage(&item)
                && let Err(error) = storage.delete(&item).await
            {
                tracing::debug!(path = item.shown, %error, "an unfinished file stays");
            }
        }
    }
}
