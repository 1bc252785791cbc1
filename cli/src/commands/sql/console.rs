//! The two streams that a session writes to, and what is wanted on them.

use crate::args::sql::{Format, SqlArgs};
use std::io::{self, BufWriter, IsTerminal, Write};

/// Rows of a result are written in pieces of about this length.
const BUFFER_BYTES: usize = 64 << 10;

/// What is said besides rows and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    pub format: Format,
    /// `None`: as the format and the settings have it.
    pub header: Option<bool>,
    /// What statements note.
    pub notes: bool,
    /// How long statements took.
    pub times: bool,
    pub progress: bool,
    /// Each statement before it runs.
    pub echo: bool,
}

pub struct Console {
    pub out: Box<dyn Write>,
    pub err: Box<dyn Write>,
    pub manner: Manner,
    /// Whether rows and progress would share one screen.
    pub out_is_terminal: bool,
}

impl Console {
    pub fn of_process(args: &SqlArgs, verbose: u8, interactive: bool) -> Console {
        let out_is_terminal = io::stdout().is_terminal();
        let err_is_terminal = io::stderr().is_terminal();
        let standard = if out_is_terminal { Format::Table } else { Format::Tsv2 };
        let manner = Manner {
            format: args.format.unwrap_or(standard),
            header: args.header,
            notes: !args.silent,
            times: !args.silent && (interactive || err_is_terminal),
            progress: !args.silent && err_is_terminal,
            echo: verbose > 0,
        };
        Console {
            out: Box::new(BufWriter::with_capacity(BUFFER_BYTES, io::stdout())),
            err: Box::new(io::stderr()),
            manner,
            out_is_terminal,
        }
    }

    /// Lines for standard output, there when this returns.
    pub fn lines(&mut self, lines: &[String]) -> io::Result<()> {
        for line in lines {
            writeln!(self.out, "{line}")?;
        }
        self.out.flush()
    }
}
