//! `ls` and `find`.

use super::{
    error::{FsError, Reason},
    modes,
    shell::Shell,
    sizes,
    storage::{Found, Status},
};
use chrono::{Local, TimeZone};
use skep_hdfs::stores::glob::{Glob, Part};
use std::cmp::Ordering;

/// Column widths grow with what was seen and never shrink, as Hadoop's do.
struct Widths {
    replication: usize,
    owner: usize,
    group: usize,
    size: usize,
}

struct Listing<'a> {
    shell: &'a Shell,
    widths: Widths,
    paths_only: bool,
    recursive: bool,
    human: bool,
    by_access: bool,
    question_marks: bool,
}

pub async fn ls(shell: &Shell) -> Result<(), FsError> {
    let mut paths = shell.words.paths.clone();
    if paths.is_empty() {
        paths.push(".".to_owned());
    }
    let directory_itself = shell.has("d");
    let mut listing = Listing {
        shell,
        widths: Widths { replication: 3, owner: 0, group: 0, size: 10 },
        paths_only: shell.has("C"),
        recursive: shell.has("R") && !directory_itself,
        human: shell.has("h"),
        by_access: shell.has("u"),
        question_marks: shell.has("q"),
    };
    shell
        .each(&paths, async |found| {
            if found.status.is_directory() && !directory_itself {
                listing.directory(found).await
            } else {
                listing.show(&[found])
            }
        })
        .await;
    Ok(())
}

impl Listing<'_> {
    /// Recursive: each directory is followed by what is in it.
    async fn directory(&mut self, directory: Found) -> Result<(), FsError> {
        let mut children = self.shell.files.list(&directory.item).await?;
        self.sort(&mut children);
        if !self.recursive {
            if !self.paths_only && !children.is_empty() {
                self.shell.line(&format!("Found {} items", children.len()))?;
            }
            return self.show(&children);
        }
        self.widen(&children);
        for child in children {
            self.line(&child)?;
            if child.status.is_directory() {
                Box::pin(self.directory(child)).await?;
            }
        }
        Ok(())
    }

    fn sort(&self, found: &mut [Found]) {
        let time = |status: &Status| if self.by_access { status.accessed_ms } else { status.modified_ms };
        let by_name = |a: &Found, b: &Found| a.item.path.cmp(&b.item.path);
        let (by_time, by_size) = (self.shell.has("t"), self.shell.has("S"));
        let order = |a: &Found, b: &Found| -> Ordering {
            let main = if by_time {
                time(&b.status).cmp(&time(&a.status))
            } else if by_size {
                b.status.len_bytes.cmp(&a.status.len_bytes)
            } else {
                Ordering::Equal
            };
            main.then_with(|| by_name(a, b))
        };
        if self.shell.has("r") {
            found.sort_by(|a, b| order(b, a));
        } else {
            found.sort_by(order);
        }
    }

    fn widen(&mut self, found: &[Found]) {
        for Found { status, .. } in found {
            let widths = &mut self.widths;
            widths.replication = widths.replication.max(status.replication.to_string().len());
            widths.owner = widths.owner.max(status.owner.chars().count());
            widths.group = widths.group.max(status.group.chars().count());
            widths.size = widths.size.max(sizes::size(status.len_bytes, self.human).len());
        }
    }

    fn show(&mut self, found: &[Found]) -> Result<(), FsError> {
        self.widen(found);
        found.iter().try_for_each(|found| self.line(found))
    }

    fn line(&self, found: &Found) -> Result<(), FsError> {
        let name = if self.question_marks { printable(&found.item.shown) } else { found.item.shown.clone() };
        if self.paths_only {
            return self.shell.line(&name);
        }
        let status = &found.status;
        let time_ms = if self.by_access { status.accessed_ms } else { status.modified_ms };
        self.shell.line(&format!("{} {} {name}", columns(status, &self.widths, self.human), minutes(time_ms)))
    }
}

/// All of a line before the time.
fn columns(status: &Status, widths: &Widths, human: bool) -> String {
    let Widths { replication, owner, group, size } = *widths;
    let replicas = if status.is_directory() { "-".to_owned() } else { status.replication.to_string() };
    format!(
        "{}{} {replicas:>replication$} {:<owner$} {:<group$} {:>size$}",
        if status.is_directory() { 'd' } else { '-' },
        modes::symbolic(status.mode),
        status.owner,
        status.group,
        sizes::size(status.len_bytes, human)
    )
}

/// Local time, as `2026-01-31 12:00`.
fn minutes(time_ms: u64) -> String {
    let time = i64::try_from(time_ms).ok().and_then(|ms| Local.timestamp_millis_opt(ms).single());
    time.map_or_else(|| "-".to_owned(), |time| time.format("%Y-%m-%d %H:%M").to_string())
}

fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// What `find` looks for.
struct Test {
    part: Part,
    ignore_case: bool,
}

impl Test {
    fn parse(pattern: &str, ignore_case: bool) -> Result<Test, FsError> {
        let pattern_text = if ignore_case { pattern.to_lowercase() } else { pattern.to_owned() };
        let glob = Glob::parse(&pattern_text).map_err(|error| FsError::told(pattern, error.to_string()))?;
        let part = match <[Part; 1]>::try_from(glob.parts) {
            Ok([part]) => part,
            Err(parts) if parts.is_empty() => Part::Name(pattern_text),
            Err(_) => return Err(FsError::told(pattern, "a name has no `/` in it")),
        };
        Ok(Test { part, ignore_case })
    }

    fn passes(&self, name: &str) -> bool {
        if self.ignore_case {
            self.part.matches_hidden_too(&name.to_lowercase())
        } else {
            self.part.matches_hidden_too(name)
        }
    }
}

struct Expression {
    paths: Vec<String>,
    tests: Vec<Test>,
    ending: &'static [u8],
}

impl Expression {
    fn parse(words: &[String]) -> Result<Expression, FsError> {
        let split = words.iter().position(|word| word.starts_with('-')).unwrap_or(words.len());
        let (paths, rest) = words.split_at(split);
        let mut expression = Expression { paths: paths.to_vec(), tests: Vec::new(), ending: b"\n" };
        if expression.paths.is_empty() {
            expression.paths.push(".".to_owned());
        }
        let mut rest = rest.iter();
        while let Some(word) = rest.next() {
            match word.as_str() {
                "-name" | "-iname" => {
                    let pattern = rest.next().ok_or_else(|| FsError::told(word, "a pattern is missing"))?;
                    expression.tests.push(Test::parse(pattern, word == "-iname")?);
                }
                "-print" => expression.ending = b"\n",
                "-print0" => expression.ending = b"\0",
                "-a" | "-and" => {}
                _ => return Err(FsError::told(word, "Unexpected argument")),
            }
        }
        Ok(expression)
    }
}

/// `find PATHS -name PATTERN -print`: everything below the paths that passes all tests.
pub async fn find(shell: &Shell) -> Result<(), FsError> {
    let expression = Expression::parse(&shell.words.paths)?;
    shell
        .each(&expression.paths, async |top| {
            for found in shell.files.tree(top).await? {
                if expression.tests.iter().all(|test| test.passes(found.item.name())) {
                    shell.write(found.item.shown.as_bytes())?;
                    shell.write(expression.ending)?;
                }
            }
            Ok(())
        })
        .await;
    Ok(())
}

/// A file where only a file will do.
pub fn must_be_file(found: &Found) -> Result<(), FsError> {
    if found.status.is_directory() { Err(found.item.error(Reason::IsDirectory)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::fs::storage::Kind;

    fn status(kind: Kind) -> Status {
        Status {
            kind,
            len_bytes: 1234,
            replication: if kind == Kind::File { 3 } else { 0 },
            block_bytes: 0,
            modified_ms: 0,
            accessed_ms: 0,
            owner: "ada".to_owned(),
            group: "supergroup".to_owned(),
            mode: 0o644,
        }
    }

    #[test]
    fn a_line_has_hadoops_columns() {
        let widths = Widths { replication: 3, owner: 4, group: 10, size: 10 };
        assert_eq!(columns(&status(Kind::File), &widths, false), "-rw-r--r--   3 ada  supergroup       1234");
        assert_eq!(
            columns(&status(Kind::Directory), &widths, true),
            "drw-r--r--   - ada  supergroup      1.2 K"
        );
        assert_eq!(minutes(86_400_000 * 365).len(), "1971-01-01 00:00".len());
    }

    #[test]
    fn names_that_could_break_a_terminal_are_made_printable() {
        assert_eq!(printable("/a\u{1b}[2J\nb"), "/a?[2J?b");
    }

    #[test]
    fn find_takes_all_its_tests_together() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let expression = Expression::parse(&words("/a /b -name part-* -a -iname *0")).unwrap();
        assert_eq!(expression.paths, ["/a", "/b"]);
        let passes = |name: &str| expression.tests.iter().all(|test| test.passes(name));
        assert!(passes("part-00") && !passes("part-01") && !passes("PART-00"));
        assert!(Expression::parse(&words("/a -size 3")).is_err());
        assert!(Test::parse("README", true).unwrap().passes("readme"));
    }
}
