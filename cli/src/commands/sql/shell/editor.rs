//! The line that is typed: editing, history and completion, by rustyline. A terminal without cursor movement gets plain lines.

use super::backslash;
use crate::commands::sql::connection::Connection;
use rustyline::{
    Behavior, CompletionType, Config, Context, Editor, Helper, completion::Completer, error::ReadlineError,
    highlight::Highlighter, hint::Hinter, history::FileHistory, validate::Validator,
};
use skep_jobs::submit::environment;
use std::{fs, path::PathBuf, rc::Rc};
use tokio::{runtime::Handle, sync::Mutex};

const HISTORY_FILE: &str = "sql-history";
const HISTORY_ENTRIES: usize = 10_000;

/// What came of asking for a line.
pub enum Read {
    Line(String),
    /// By Ctrl-C.
    GivenUp,
    /// By Ctrl-D.
    End,
}

pub struct LineEditor {
    editor: Editor<Completion, FileHistory>,
    history: Option<PathBuf>,
}

impl LineEditor {
    pub fn open(connection: Rc<Mutex<Connection>>) -> Result<LineEditor, ReadlineError> {
        let config = Config::builder()
            .max_history_size(HISTORY_ENTRIES)?
            .history_ignore_dups(true)?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            // The prompt must not end up among rows that are written to a file.
            .behavior(Behavior::PreferTerm)
            .build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(Completion { connection }));
        let history = environment::state_directory().and_then(|directory| {
            fs::create_dir_all(&directory).ok()?;
            Some(directory.join(HISTORY_FILE))
        });
        if let Some(file) = &history {
            // There is none before the first time.
            let _ = editor.load_history(file);
        }
        Ok(LineEditor { editor, history })
    }

    pub fn read(&mut self, prompt: &str) -> Result<Read, ReadlineError> {
        match self.editor.readline(prompt) {
            Ok(line) => Ok(Read::Line(line)),
            Err(ReadlineError::Interrupted) => Ok(Read::GivenUp),
            Err(ReadlineError::Eof) => Ok(Read::End),
            Err(error) => Err(error),
        }
    }

    /// Adds to the history, here and for later shells. A history that cannot be written is no reason to stop.
    pub fn remember(&mut self, entered: &str) {
        let added = self.editor.add_history_entry(entered).unwrap_or(false);
        if let Some(file) = self.history.as_ref().filter(|_| added)
            && let Err(error) = self.editor.append_history(file)
        {
            tracing::debug!(%error, "cannot write the history");
        }
    }
}

struct Completion {
    connection: Rc<Mutex<Connection>>,
}

impl Helper for Completion {}
impl Highlighter for Completion {}
impl Validator for Completion {}

impl Hinter for Completion {
    type Hint = String;
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..at).unwrap_or_default();
        if before.starts_with('\\') && !before.contains(char::is_whitespace) {
            let fitting = backslash::NAMES.iter().filter(|name| name.starts_with(before));
            return Ok((0, fitting.map(|name| (*name).to_owned()).collect()));
        }
        let start = word_start(before);
        // Nothing runs while a line is typed, so nobody holds it.
        let Ok(connection) = self.connection.try_lock() else { return Ok((start, Vec::new())) };
        let begun = before.get(start..).unwrap_or_default();
        // The shell gave this thread to the editor, so it may wait.
        Ok((start, Handle::current().block_on(connection.completions(begun))))
    }
}

/// Where the name begins that ends the text: `db.table` is one.
fn word_start(before: &str) -> usize {
    let is_name = |character: char| character.is_alphanumeric() || matches!(character, '_' | '.' | '$');
    before.len()
        - before.chars().rev().take_while(|character| is_name(*character)).map(char::len_utf8).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sql::connection::Scripted;
    use rustyline::history::{DefaultHistory, History};

    fn complete(line: &str) -> (usize, Vec<String>) {
        let scripted = Scripted { answer: Box::new(|_| panic!("nothing runs here")), settings: vec![] };
        let completion = Completion { connection: Rc::new(Mutex::new(Connection::Scripted(scripted))) };
        let history = DefaultHistory::new();
        assert!(history.is_empty());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _entered = runtime.enter();
        completion.complete(line, line.len(), &Context::new(&history)).unwrap()
    }

    #[test]
    fn the_name_under_the_cursor_is_completed_with_its_database() {
        assert_eq!(complete("select größe(sales.or"), (15, vec!["sales.or_completed".to_owned()]));
        assert_eq!(complete("select * from "), (14, vec!["_completed".to_owned()]));
    }

    #[test]
    fn commands_of_the_shell_are_completed_too() {
        assert_eq!(complete("\\he"), (0, vec!["\\help".to_owned()]));
        assert_eq!(complete("\\d sa"), (3, vec!["sa_completed".to_owned()]));
    }
}
