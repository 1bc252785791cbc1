//! Client commands, which are no statements of HiveQL: SET, RESET, ADD FILE, dfs, !, SOURCE, QUIT.

use super::{ast::Span, error::SyntaxError};

/// What a piece of a script is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `SET`: all that was changed.
    SetList,
    /// `SET -v`: the defaults too.
    SetListAll,
    /// `SET key`, prefix included.
    SetShow(String),
    /// `SET key=value`, prefix included; the value is the rest of the text.
    Set {
        key: String,
        value: String,
    },
    Reset {
        keys: Vec<String>,
    },
    /// `ADD FILE|JAR|ARCHIVE path ...`
    AddResource {
        kind: ResourceKind,
        paths: Vec<String>,
    },
    ListResources {
        kind: ResourceKind,
        paths: Vec<String>,
    },
    DeleteResources {
        kind: ResourceKind,
        paths: Vec<String>,
    },
    /// The words after `dfs`.
    Dfs(String),
    /// The text after `!`.
    Shell(String),
    Source(String),
    Quit,
    Statement,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    File,
    Jar,
    Archive,
}

/// Tells what the text is. Of a [`Command::Statement`] the text itself is to be parsed.
pub fn command(text: &str) -> Result<Command, SyntaxError> {
    let text = text.trim();
    if let Some(shell) = text.strip_prefix('!') {
        return Ok(Command::Shell(shell.trim().to_owned()));
    }
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    Ok(match first.to_ascii_lowercase().as_str() {
        // `SET ROLE x` is a statement.
        "set" if !begins_with_word(rest, "role") => set(rest),
        "reset" => Command::Reset {
            keys: rest.split_whitespace().filter(|key| *key != "-d").map(str::to_owned).collect(),
        },
        "add" => return resources(text, rest, |kind, paths| Command::AddResource { kind, paths }),
        "list" => return resources(text, rest, |kind, paths| Command::ListResources { kind, paths }),
        "delete" if !begins_with_word(rest, "from") => {
            return resources(text, rest, |kind, paths| Command::DeleteResources { kind, paths });
        }
        "dfs" => Command::Dfs(rest.to_owned()),
        "source" => Command::Source(rest.trim_matches(['\'', '"']).to_owned()),
        "quit" | "exit" if rest.is_empty() => Command::Quit,
        _ => Command::Statement,
    })
}

fn begins_with_word(text: &str, word: &str) -> bool {
    text.split_whitespace().next().is_some_and(|first| first.eq_ignore_ascii_case(word))
}

fn set(rest: &str) -> Command {
    match rest.split_once('=') {
        _ if rest.is_empty() => Command::SetList,
        _ if rest == "-v" => Command::SetListAll,
        Some((key, value)) => Command::Set { key: key.trim().to_owned(), value: value.trim().to_owned() },
        None => Command::SetShow(rest.to_owned()),
    }
}

fn resources(
    text: &str,
    rest: &str,
    make: impl FnOnce(ResourceKind, Vec<String>) -> Command,
) -> Result<Command, SyntaxError> {
    let mut words = rest.split_whitespace();
    let kind = match words.next().map(str::to_ascii_lowercase).as_deref() {
        Some("file" | "files") => ResourceKind::File,
        Some("jar" | "jars") => ResourceKind::Jar,
        Some("archive" | "archives") => ResourceKind::Archive,
        found => {
            let found = found.unwrap_or("<EOF>").to_owned();
            return Err(SyntaxError::unexpected(
                &found,
                &["FILE", "JAR", "ARCHIVE"],
                Span::new(0, text.len()),
            ));
        }
    };
    let paths = words.map(|path| path.trim_matches(['\'', '"']).to_owned()).collect();
    Ok(make(kind, paths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_statements() {
        let set = |key: &str, value: &str| Command::Set { key: key.into(), value: value.into() };
        let cases = [
            ("SET", Command::SetList),
            ("set -v", Command::SetListAll),
            ("set hive.x = a=b c", set("hive.x", "a=b c")),
            ("set hivevar:x=1", set("hivevar:x", "1")),
            ("set hive.x", Command::SetShow("hive.x".into())),
            ("reset hive.x", Command::Reset { keys: vec!["hive.x".into()] }),
            (
                "ADD FILE 'a' b",
                Command::AddResource { kind: ResourceKind::File, paths: vec!["a".into(), "b".into()] },
            ),
            ("dfs -ls /", Command::Dfs("-ls /".into())),
            ("!ls -l", Command::Shell("ls -l".into())),
            ("source x.hql", Command::Source("x.hql".into())),
            ("quit", Command::Quit),
            ("delete from t", Command::Statement),
            ("set role none", Command::Statement),
            ("select 1", Command::Statement),
        ];
        for (text, expected) in cases {
            assert_eq!(command(text).unwrap(), expected, "{text}");
        }
        assert!(command("add x").unwrap_err().to_string().contains("expected FILE or JAR or ARCHIVE"));
    }
}
