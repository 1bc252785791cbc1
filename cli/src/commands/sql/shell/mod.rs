//! The shell: lines are collected until they are whole statements, which then run like a script. Ctrl-C gives up the line or
//! cancels the query, Ctrl-D leaves.

mod backslash;
mod editor;

use super::{
    connection::Connection,
    console::Console,
    runner::{Ended, Runner},
    script::{Script, is_complete},
};
use crate::commands::Outcome;
use backslash::{Backslash, HELP};
use editor::{LineEditor, Read};
use std::{
    io::{self, Write},
    process::ExitCode,
    rc::Rc,
};
use tokio::{sync::Mutex, task::block_in_place};

const CURRENT_DATABASE: &str = "hive.cli.print.current.db";
const GREETING: &str = concat!(
    "skep ",
    env!("CARGO_PKG_VERSION"),
    ": HiveQL. A statement ends with a semicolon; \\help shows what else there is, \\quit leaves."
);

pub async fn run(connection: Connection, mut runner: Runner, silent: bool) -> Outcome {
    // The editor asks it for completions while nothing runs.
    let connection = Rc::new(Mutex::new(connection));
    let mut editor = LineEditor::open(Rc::clone(&connection))?;
    if !silent {
        writeln!(runner.console.err, "{GREETING}")?;
    }
    let mut typed = String::new();
    loop {
        let prompt = prompt(&*connection.lock().await, !typed.is_empty());
        match block_in_place(|| editor.read(&prompt))? {
            Read::Line(line) => add(&mut typed, &line),
            Read::GivenUp => {
                typed.clear();
                continue;
            }
            Read::End => return Ok(ExitCode::SUCCESS),
        }
        if typed.trim().is_empty() {
            typed.clear();
            continue;
        }
        let Some(entered) = entered(&typed) else { continue };
        editor.remember(&typed);
        typed.clear();
        let ended = enter(entered, &mut *connection.lock().await, &mut runner).await?;
        match ended {
            Ended::Quit => return Ok(ExitCode::SUCCESS),
            Ended::Interrupted => writeln!(runner.console.err, "Query cancelled")?,
            Ended::AtItsEnd | Ended::Failed => {}
        }
    }
}

fn add(typed: &mut String, line: &str) {
    if !typed.is_empty() {
        typed.push('\n');
    }
    typed.push_str(line);
}

/// What somebody typed, once it is whole.
#[derive(Debug, PartialEq)]
enum Entered {
    Backslash(Backslash),
    Statements(String),
}

/// `None` while a statement is still open.
fn entered(typed: &str) -> Option<Entered> {
    let text = typed.trim();
    if let Some(words) = text.strip_prefix('\\') {
        return Some(Entered::Backslash(Backslash::of(words)));
    }
    // These need no semicolon.
    let is_whole =
        text.starts_with('!') || ["quit", "exit"].iter().any(|word| text.eq_ignore_ascii_case(word));
    (is_whole || is_complete(typed)).then(|| Entered::Statements(typed.to_owned()))
}

async fn enter(entered: Entered, connection: &mut Connection, runner: &mut Runner) -> io::Result<Ended> {
    let text = match entered {
        Entered::Statements(text) | Entered::Backslash(Backslash::Statement(text)) => text,
        Entered::Backslash(command) => return command_of_the_shell(command, &mut runner.console),
    };
    runner.run(connection, Script::typed(text)).await
}

fn command_of_the_shell(command: Backslash, console: &mut Console) -> io::Result<Ended> {
    match command {
        Backslash::Quit => return Ok(Ended::Quit),
        Backslash::Help => {
            console.out.write_all(HELP.as_bytes())?;
            console.out.flush()?;
        }
        Backslash::Format(format) => console.manner.format = format,
        Backslash::Wrong(what) => writeln!(console.err, "{what}")?,
        Backslash::Statement(_) => {}
    }
    Ok(Ended::AtItsEnd)
}

/// Of the lines that continue a statement the prompt is as wide as that of its first line.
fn prompt(connection: &Connection, continued: bool) -> String {
    let first = match connection.is_set(CURRENT_DATABASE) {
        true => format!("skep ({})> ", connection.database()),
        false => "skep> ".to_owned(),
    };
    if continued { format!("{:>width$}", "> ", width = first.chars().count()) } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sql::connection::Scripted;

    fn connection(settings: Vec<(&'static str, &'static str)>) -> Connection {
        Connection::Scripted(Scripted { answer: Box::new(|_| panic!("nothing runs here")), settings })
    }

    #[test]
    fn the_prompt_names_the_database_if_asked_to() {
        let plain = connection(vec![]);
        assert_eq!((prompt(&plain, false).as_str(), prompt(&plain, true).as_str()), ("skep> ", "    > "));
        let named = connection(vec![(CURRENT_DATABASE, "true")]);
        assert_eq!(prompt(&named, false), "skep (default)> ");
        assert_eq!(prompt(&named, true), "              > ");
    }

    #[test]
    fn a_statement_is_entered_with_its_semicolon_and_commands_without() {
        assert_eq!(entered("select 1"), None);
        assert_eq!(entered("select 1;\nselect"), None);
        for whole in ["select 1;", "select\n1;", "quit", "EXIT", "!ls -l", "-- nothing"] {
            assert_eq!(entered(whole), Some(Entered::Statements(whole.to_owned())), "{whole}");
        }
        assert_eq!(entered(" \\q"), Some(Entered::Backslash(Backslash::Quit)));
    }
}
