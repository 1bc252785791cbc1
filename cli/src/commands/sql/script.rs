//! A script: its text, what it is called in errors, and its pieces.

use crate::args::sql::ScriptSource;
use skep_hiveql::syntax::{
    ast::Span,
    position,
    script::{Piece, split},
};
use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// A script that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    #[error("cannot read the script {}: {source}", file.display())]
    File { file: PathBuf, source: io::Error },
    #[error("{name}:{line}:{column}: a byte here is not UTF-8, which scripts are written in")]
    NotText { name: String, line: usize, column: usize },
    #[error("cannot read the script on standard input: {source}")]
    Input { source: io::Error },
}

#[derive(Debug)]
pub struct Script {
    /// A file's path, or what stands for it.
    pub name: String,
    pub text: String,
}

impl Script {
    pub fn read(source: &ScriptSource) -> Result<Script, ScriptError> {
        match source {
            ScriptSource::Text(text) => Ok(Script { name: "-e".to_owned(), text: text.clone() }),
            ScriptSource::File(file) => Script::file(file),
            ScriptSource::Input => {
                let mut bytes = Vec::new();
                io::stdin().read_to_end(&mut bytes).map_err(|source| ScriptError::Input { source })?;
                Script::utf8("stdin".to_owned(), bytes)
            }
        }
    }

    pub fn file(file: &Path) -> Result<Script, ScriptError> {
        let bytes = fs::read(file).map_err(|source| ScriptError::File { file: file.to_owned(), source })?;
        Script::utf8(file.display().to_string(), bytes)
    }

    fn utf8(name: String, bytes: Vec<u8>) -> Result<Script, ScriptError> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Script { name, text }),
            Err(error) => {
                let good = String::from_utf8_lossy(
                    error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default(),
                );
                let (line, column) = position(&good, good.len());
                Err(ScriptError::NotText { name, line, column })
            }
        }
    }

    /// What somebody typed at the prompt.
    pub fn typed(text: String) -> Script {
        Script { name: "shell".to_owned(), text }
    }

    pub fn pieces(&self) -> Vec<Piece> {
        split(&self.text)
    }

    /// A place in a piece's text as a place in this script. They differ where the piece has escaped semicolons.
    pub fn place(&self, piece: &Piece, span: Span) -> Span {
        let raw = self.text.get(piece.span.start..piece.span.end).unwrap_or_default();
        let offset = |wanted: usize| {
            let mut at = 0;
            let mut of_text = 0;
            while of_text < wanted && at < raw.len() {
                at += if raw.as_bytes()[at..].starts_with(b"\\;") { 2 } else { 1 };
                of_text += 1;
            }
            piece.span.start + at
        };
        Span::new(offset(span.start), offset(span.end))
    }
}

/// Whether nothing is left open at the end: no quote, no comment, no statement without its semicolon.
pub fn is_complete(text: &str) -> bool {
    // A word on a line of its own stands alone exactly if nothing before it is open.
    const PROBE: &str = "\nx";
    split(&format!("{text}{PROBE}"))
        .last()
        .is_some_and(|last| last.text == "x" && last.span.start > text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_behind_escaped_semicolons_is_found_in_the_script() {
        let script = Script::typed("select 1;\n!echo a\\; b\\; here; x".to_owned());
        let piece = &script.pieces()[1];
        let start = piece.text.find("here").unwrap();
        let place = script.place(piece, Span::new(start, start + 4));
        assert_eq!(&script.text[place.start..place.end], "here");
    }

    #[test]
    fn a_statement_is_complete_at_its_semicolon() {
        for text in
            ["select 1;", "select 1; -- done", "a; b ; /* x */", "", " -- only a comment", "select ';';\n"]
        {
            assert!(is_complete(text), "{text}");
        }
        for text in
            ["select", "select 1; select", "select ';", "select 1 -- ;", "select 1; /* ", "select `;", "x"]
        {
            assert!(!is_complete(text), "{text}");
        }
    }

    #[test]
    fn a_byte_that_is_no_text_is_shown_where_it_stands() {
        let error = Script::utf8("a.hql".to_owned(), b"select 1;\nsel\xff".to_vec()).unwrap_err();
        assert!(error.to_string().starts_with("a.hql:2:4: "), "{error}");
    }

    #[test]
    fn a_missing_script_is_named() {
        let error = Script::file(Path::new("/no/such.hql")).unwrap_err();
        assert!(
            error.to_string().starts_with("cannot read the script /no/such.hql: No such file"),
            "{error}"
        );
    }
}
