//! Real text for the demo: the sources of the crates that this build used, or the user's own files.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Source files are small: they are joined to files of about this size on their way into the cluster.
const FILE_BYTES: usize = 8 << 20;
/// A longer file is no text that somebody wrote.
const SOURCE_BYTES_MAX: u64 = 4 << 20;
const ENDINGS: [&str; 4] = ["rs", "md", "toml", "txt"];

#[derive(Debug, thiserror::Error)]
pub enum TextError {
    #[error("the sources of crates are not at {}; name a directory with text: skep demo --input DIR", path.display())]
    NoSources { path: PathBuf },
    #[error("there is no text below {}; name another directory with --input DIR", path.display())]
    NoText { path: PathBuf },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

/// Where the text is.
pub struct Library {
    pub root: PathBuf,
    any_ending: bool,
}

impl Library {
    pub fn find(input: Option<&Path>) -> Result<Library, TextError> {
        if let Some(input) = input {
            return Ok(Library { root: input.to_owned(), any_ending: true });
        }
        let cargo = env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))
            .unwrap_or_default();
        let root = cargo.join("registry/src");
        if !root.is_dir() {
            return Err(TextError::NoSources { path: root });
        }
        Ok(Library { root, any_ending: false })
    }

    /// The text in a stable order, joined, at most so many bytes of it. Each piece ends with a newline.
    pub fn read(&self, bytes_max: u64) -> Result<Vec<String>, TextError> {
        let mut pieces = Vec::new();
        let mut piece = String::new();
        let mut total = 0u64;
        let mut open = vec![self.root.clone()];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(children(&path)?);
                continue;
            }
            let Some(text) = self.text_of(&path) else { continue };
            if total + text.len() as u64 + 1 > bytes_max && total > 0 {
                break;
            }
            total += text.len() as u64 + 1;
            piece.push_str(&text);
            piece.push('\n');
            if piece.len() >= FILE_BYTES {
                pieces.push(std::mem::take(&mut piece));
            }
        }
        if !piece.is_empty() {
            pieces.push(piece);
        }
        if pieces.is_empty() { Err(TextError::NoText { path: self.root.clone() }) } else { Ok(pieces) }
    }

    /// `None`: not text, or not readable.
    fn text_of(&self, path: &Path) -> Option<String> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if !self.any_ending && !ENDINGS.contains(&ending) {
            return None;
        }
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        if metadata.len() == 0 || metadata.len() > SOURCE_BYTES_MAX {
            return None;
        }
        fs::read_to_string(path).ok()
    }
}

/// The last one first: the caller takes from the end.
fn children(directory: &Path) -> Result<Vec<PathBuf>, TextError> {
    let read = |source| TextError::Read { path: directory.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(read)? {
        let entry = entry.map_err(read)?;
        // Links could lead in circles.
        if !entry.file_type().map_err(read)?.is_symlink() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    paths.reverse();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_joined_in_order_and_cut_at_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        for (name, text) in [("a.txt", "first"), ("b/c.txt", "second"), ("d.txt", "third")] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::write(folder.path().join("binary"), [0xff, 0xfe]).unwrap();
        let library = Library::find(Some(folder.path())).unwrap();
        assert_eq!(library.read(1000).unwrap(), ["first\nsecond\nthird\n"]);
        assert_eq!(library.read(14).unwrap(), ["first\nsecond\n"]);
        assert_eq!(library.read(1).unwrap(), ["first\n"], "some text in any case");
    }

    #[test]
    fn a_directory_without_text_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::find(Some(folder.path())).unwrap();
        assert!(matches!(library.read(1000), Err(TextError::NoText { .. })));
    }
}
