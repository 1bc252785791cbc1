//! Which of the files at a location are a table's or a partition's contents.
//!
//! Stores have no transactions and most cannot rename, so a write puts its files where they will stay, under names that carry
//! its number, and the catalog says from which moment on readers see them. Files whose names carry no number were put
//! there by others (`dfs -put`, the owner of an external table) and are seen at once, unless an overwrite hides them.

use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// The number of a write. Numbers rise, and none is given twice.
pub type WriteNumber = u64;

/// Of a write, the attempt that counts for each task whose first attempt does not.
pub type Attempts = BTreeMap<u32, u32>;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Contents {
    /// Whose files are seen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub writes: BTreeMap<WriteNumber, Attempts>,
    /// Files with numbers that lay here before this table was first written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited: Option<Snapshot>,
    /// Files without numbers that are seen no more, by their names below the location; without a stamp: whatever is there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hidden: BTreeMap<String, Option<FileStamp>>,
    /// What changed it last, to name it where statements meet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastWrite>,
}

/// Tells a file from one that took its name later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileStamp {
    pub bytes: u64,
    pub modified_micros: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastWrite {
    pub write: WriteNumber,
    pub user: String,
    pub seconds: i64,
}

/// Which writes had begun at a moment, and which of them had not ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// The number that no write had yet.
    pub before: WriteNumber,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub pending: BTreeSet<WriteNumber>,
}

impl Snapshot {
    pub fn has_ended(&self, write: WriteNumber) -> bool {
        write < self.before && !self.pending.contains(&write)
    }
}

impl Contents {
    /// Of a table that no write has touched yet: all that was there at `snapshot`.
    pub fn untouched(snapshot: Snapshot) -> Contents {
        Contents { inherited: Some(snapshot), ..Contents::default() }
    }

    /// Whether a reader sees the file of this name below the location.
    pub fn sees(&self, name: &str, stamp: FileStamp) -> bool {
        if is_private(name) || self.hides(name, stamp) {
            return false;
        }
        let Some(written) = WrittenName::of_path(name) else { return true };
        match self.writes.get(&written.write) {
            Some(attempts) => attempts.get(&written.task).copied().unwrap_or(0) == written.attempt,
            None => self.inherited.as_ref().is_some_and(|snapshot| snapshot.has_ended(written.write)),
        }
    }

    fn hides(&self, name: &str, stamp: FileStamp) -> bool {
        self.hidden.get(name).is_some_and(|hidden| hidden.is_none_or(|hidden| hidden == stamp))
    }

    /// Whether any write that `began` does not know as ended has changed this since.
    pub fn changed_since(&self, began: &Snapshot) -> bool {
        self.writes.keys().any(|write| !began.has_ended(*write))
    }
}

/// Names that begin with `_` or `.`, of a file or of a folder above it, are no reader's.
pub fn is_private(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with(['_', '.']))
}

/// A file that a write of ours made.
///
/// `000003_0-w17-t2-a1.gz`: of write 17, by attempt 1 of task 2. The number is the bucket's where there are buckets, else the
/// task's, and then the task is not said again; neither is attempt 0. `kv1-skep17.txt`: `kv1.txt`, which LOAD brought with
/// write 17. Other names are nobody's, whatever digits they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenName {
    pub stem: Stem,
    pub write: WriteNumber,
    pub task: u32,
    pub attempt: u32,
    /// Dot included.
    pub ending: String,
}

/// What the name of a file of ours begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stem {
    /// `sequence` tells files of one number apart.
    Number { number: u32, sequence: u32 },
    /// The name that the file had, without its ending.
    Brought(String),
}

const BROUGHT_MARK: &str = "-skep";

impl WrittenName {
    /// For a file of this name that comes with a write.
    pub fn brought(name: &str, write: WriteNumber) -> WrittenName {
        let (stem, ending) = cut_ending(name);
        let (stem, ending) = (Stem::Brought(stem.to_owned()), ending.to_owned());
        WrittenName { stem, write, task: 0, attempt: 0, ending }
    }

    /// Of the last part of a path; `None` for what no write of ours has named.
    pub fn of_path(path: &str) -> Option<WrittenName> {
        let (stem, ending) = cut_ending(path.rsplit('/').next()?);
        let ending = ending.to_owned();
        if let Some((name, write)) = stem.rsplit_once(BROUGHT_MARK) {
            let stem = Stem::Brought(name.to_owned());
            return Some(WrittenName { stem, write: digits(write)?, task: 0, attempt: 0, ending });
        }
        let mut parts = stem.split('-');
        let (number, sequence) = parts.next()?.split_once('_')?;
        if number.len() < 6 {
            return None;
        }
        let (number, sequence) = (digits(number)?, digits(sequence)?);
        let write = digits(parts.next()?.strip_prefix('w')?)?;
        let (mut task, mut attempt) = (number, 0);
        for part in parts {
            match part.strip_prefix('t') {
                Some(found) => task = digits(found)?,
                None => attempt = digits(part.strip_prefix('a')?)?,
            }
        }
        Some(WrittenName { stem: Stem::Number { number, sequence }, write, task, attempt, ending })
    }

    /// What the file is called where it is no table's, or another's.
    pub fn plain(&self) -> String {
        match &self.stem {
            Stem::Number { number, sequence } => format!("{number:06}_{sequence}{}", self.ending),
            Stem::Brought(name) => format!("{name}{}", self.ending),
        }
    }
}

fn cut_ending(name: &str) -> (&str, &str) {
    name.find('.').map_or((name, ""), |dot| name.split_at(dot))
}

fn digits<N: std::str::FromStr>(text: &str) -> Option<N> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if all { text.parse().ok() } else { None }
}

impl fmt::Display for WrittenName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stem {
            Stem::Brought(name) => write!(out, "{name}{BROUGHT_MARK}{}", self.write)?,
            Stem::Number { number, sequence } => {
                write!(out, "{number:06}_{sequence}-w{}", self.write)?;
                if self.task != *number {
                    write!(out, "-t{}", self.task)?;
                }
                if self.attempt != 0 {
                    write!(out, "-a{}", self.attempt)?;
                }
            }
        }
        out.write_str(&self.ending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: FileStamp = FileStamp { bytes: 1, modified_micros: 2 };

    #[test]
    fn a_written_name_reads_back() {
        for (task, attempt, ending) in [(3, 0, ""), (4, 0, ".gz"), (3, 2, ""), (9, 1, ".snappy")] {
            let (stem, ending) = (Stem::Number { number: 3, sequence: 1 }, ending.to_owned());
            let name = WrittenName { stem, write: 17, task, attempt, ending };
            assert_eq!(WrittenName::of_path(&format!("a/ds=1/{name}")), Some(name));
        }
        let named = WrittenName::of_path("000003_0-w17.gz").unwrap();
        assert_eq!((named.task, named.plain().as_str()), (3, "000003_0.gz"));
        let brought = WrittenName::brought("kv1.txt.gz", 5);
        assert_eq!(
            (brought.to_string().as_str(), brought.plain().as_str()),
            ("kv1-skep5.txt.gz", "kv1.txt.gz")
        );
        assert_eq!(WrittenName::of_path("a/kv1-skep5.txt.gz"), Some(brought));
        for foreign in
            ["kv1.txt", "000003_0", "000003_0-w", "000003_0-wx", "3_0-w1", "a_0-w1", "000003_0-w1-x2"]
        {
            assert_eq!(WrittenName::of_path(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn only_the_attempt_that_counts_is_seen() {
        let contents =
            Contents { writes: BTreeMap::from([(17, Attempts::from([(3, 2)]))]), ..Contents::default() };
        let seen = |name: &str| contents.sees(name, STAMP);
        assert!(seen("000003_0-w17-a2") && seen("000001_0-w17") && seen("kv1.txt"));
        assert!(!seen("000003_0-w17") && !seen("000001_0-w17-a1") && !seen("000001_0-w18"));
        assert!(!seen("_SUCCESS") && !seen(".staging/000001_0-w17"));
    }

    #[test]
    fn a_hidden_file_stays_hidden_until_another_takes_its_name() {
        let contents = Contents {
            hidden: BTreeMap::from([("kv1.txt".to_owned(), Some(STAMP)), ("kv2.txt".to_owned(), None)]),
            ..Contents::default()
        };
        let later = FileStamp { modified_micros: 3, ..STAMP };
        assert!(!contents.sees("kv1.txt", STAMP) && contents.sees("kv1.txt", later));
        assert!(!contents.sees("kv2.txt", later));
    }

    #[test]
    fn an_untouched_table_sees_what_ended_before_and_nothing_later() {
        let contents = Contents::untouched(Snapshot { before: 10, pending: BTreeSet::from([7]) });
        let seen = |write: u64| contents.sees(&format!("000000_0-w{write}"), STAMP);
        assert!(seen(6) && !seen(7) && !seen(10));
    }
}
