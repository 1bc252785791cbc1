//! Commands that only the shell knows. They begin with a backslash and need no semicolon.

use crate::args::sql::Format;
use clap::ValueEnum;

pub const HELP: &str = "\
Statements and Hive's commands end with a semicolon and may go over many lines:
  SELECT ...;          any statement of HiveQL
  SET key=value;       a setting; SET key; shows it, SET; all that were changed
  SOURCE file;         run a script
  dfs -ls /;           files, as `skep fs`
  !command             a command of this machine
  quit;                leave

The shell's own:
  \\l                   databases
  \\c NAME              use a database
  \\d                   tables of the database
  \\d NAME              columns of a table
  \\df [PATTERN]        functions
  \\i FILE              run a script
  \\format FORM         how rows are written: table, tsv2, csv2, json or vertical
  \\help                this
  \\quit                leave, as does Ctrl-D

Tab completes names and keywords, Ctrl-R searches the history, Ctrl-C cancels the query or gives up the line.
";

/// All that can be typed, for completion.
pub const NAMES: &[&str] = &["\\c", "\\d", "\\df", "\\format", "\\help", "\\i", "\\l", "\\quit"];

#[derive(Debug, PartialEq)]
pub enum Backslash {
    Help,
    Quit,
    Format(Format),
    /// An abbreviation.
    Statement(String),
    /// With what to say about it.
    Wrong(String),
}

impl Backslash {
    /// Reads what follows the backslash.
    pub fn of(words: &str) -> Backslash {
        let words = words.trim().trim_end_matches(';').trim_end();
        let (name, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        let rest = rest.trim();
        match (name, rest) {
            ("help" | "h" | "?", _) => Backslash::Help,
            ("quit" | "q", _) => Backslash::Quit,
            ("l", _) => Backslash::Statement("SHOW DATABASES".to_owned()),
            ("d", "") => Backslash::Statement("SHOW TABLES".to_owned()),
            ("d", table) => Backslash::Statement(format!("DESCRIBE {table}")),
            ("df", "") => Backslash::Statement("SHOW FUNCTIONS".to_owned()),
            ("df", pattern) => {
                let pattern = pattern.trim_matches('\'').replace('*', "%");
                Backslash::Statement(format!("SHOW FUNCTIONS LIKE '{pattern}'"))
            }
            ("c" | "i" | "format", "") => Backslash::Wrong(format!("\\{name} needs a name; see \\help")),
            ("c", database) => Backslash::Statement(format!("USE {database}")),
            ("i", file) => Backslash::Statement(format!("SOURCE {file}")),
            ("format", form) => match Format::from_str(form, true) {
                Ok(format) => Backslash::Format(format),
                Err(_) => {
                    Backslash::Wrong(format!("`{form}` is not a format: table, tsv2, csv2, json, vertical"))
                }
            },
            _ => Backslash::Wrong(format!("\\{name} is not a command; \\help shows all")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_become_statements() {
        let statement = |text: &str| Backslash::Statement(text.to_owned());
        assert_eq!(Backslash::of("d"), statement("SHOW TABLES"));
        assert_eq!(Backslash::of("d db.t;"), statement("DESCRIBE db.t"));
        assert_eq!(Backslash::of("df reg*"), statement("SHOW FUNCTIONS LIKE 'reg%'"));
        assert_eq!(Backslash::of("c sales"), statement("USE sales"));
        assert_eq!(Backslash::of("i a b.hql"), statement("SOURCE a b.hql"));
        assert_eq!(Backslash::of("format JSON"), Backslash::Format(Format::Json));
    }

    #[test]
    fn what_is_not_a_command_is_told_and_nothing_runs() {
        for words in ["x", "c", "format", "format xml", ""] {
            assert!(matches!(Backslash::of(words), Backslash::Wrong(_)), "{words}");
        }
    }

    #[test]
    fn every_command_that_completes_is_one_and_is_in_the_help() {
        for name in NAMES {
            let words = format!("{} table", &name[1..]);
            assert!(!matches!(Backslash::of(&words), Backslash::Wrong(_)), "{name}");
            assert!(HELP.contains(name), "{name}");
        }
    }
}
