//! Settings of jobs: every key with its type, unit, default and meaning in one table, from which `--conf K=V` is checked
//! and the documentation is made.

use crate::model::JobConf;
use std::{collections::BTreeMap, fmt, time::Duration};

pub const TASK_MEMORY: &str = "task.memory";
pub const TASK_ATTEMPTS: &str = "task.attempts";
pub const TASK_TIMEOUT: &str = "task.timeout";
pub const LOCALITY_WAIT: &str = "locality.wait";
pub const JOB_WEIGHT: &str = "job.weight";
pub const JOB_PARTITIONS: &str = "job.partitions";
pub const INPUT_SPLIT_BYTES: &str = "input.split.bytes";
pub const INPUT_SPLIT_MIN: &str = "input.split.min";
pub const STREAM_IGNORE_KEY: &str = "stream.map.input.ignoreKey";
pub const OUTPUT_COMPRESS: &str = "output.compress";

/// In a job's further settings: who submitted it for its user, and kills it when nobody waits for it. Users cannot set it.
pub const JOB_OWNER: &str = "job.owner";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bytes, with an optional unit: `512MiB`, `1GB`.
    Size,
    /// A whole number from the given one.
    Count {
        min: u64,
    },
    /// A time with a unit: `300ms`, `10m`.
    Duration,
    OneOf(&'static [&'static str]),
    Bool,
    Text,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Size => f.write_str("size, such as 512MiB or 1GB"),
            Kind::Count { min } => write!(f, "whole number from {min}"),
            Kind::Duration => f.write_str("time, such as 300ms, 10s or 5m"),
            Kind::OneOf(values) => write!(f, "one of {}", values.join(", ")),
            Kind::Bool => f.write_str("true or false"),
            Kind::Text => f.write_str("text"),
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub key: &'static str,
    pub kind: Kind,
    /// As a user would write it; empty: see the text.
    pub default: &'static str,
    pub doc: &'static str,
}

macro_rules! settings {
    ($($key:expr, $kind:expr, $default:literal, $doc:literal;)*) => {
        &[$(Setting { key: $key, kind: $kind, default: $default, doc: $doc }),*]
    };
}

/// Keys that begin with this are the job's own: any value is passed through to its code.
pub const USER_PREFIX: &str = "user.";

pub const SETTINGS: &[Setting] = settings! {
    TASK_MEMORY, Kind::Size, "", "Memory grant of one task: what its buffers hold before they spill. Default: the worker's memory divided by its slots.";
    TASK_ATTEMPTS, Kind::Count { min: 1 }, "4", "Attempts of one task that the user's code may fail before the job fails.";
    TASK_TIMEOUT, Kind::Duration, "10m", "A task that reads, writes and reports nothing for this long has failed. 0s: never.";
    LOCALITY_WAIT, Kind::Duration, "300ms", "How long a stage holds out for workers that have its input.";
    JOB_WEIGHT, Kind::Count { min: 1 }, "1", "Share of the slots relative to other jobs.";
    JOB_PARTITIONS, Kind::Count { min: 1 }, "", "Partitions of exchanges that do not set them in the program. Default: one for 64 MiB of input, and one per slot where there is a MiB for each.";
    INPUT_SPLIT_BYTES, Kind::Size, "", "Most input of one task. Default: a block (128 MiB), or less so that all slots are used.";
    INPUT_SPLIT_MIN, Kind::Count { min: 1 }, "", "Fewest splits, if there is enough input. Default: the cluster's slots.";
    OUTPUT_COMPRESS, Kind::OneOf(&["none", "gzip", "zstd"]), "none", "Compression of output files.";
    "stream.map.input.field.separator", Kind::Text, "\\t", "Streaming: between key and value of a mapper's input, where it gets the key.";
    "stream.map.output.field.separator", Kind::Text, "\\t", "Streaming: ends the key in a mapper's output line.";
    "stream.num.map.output.key.fields", Kind::Count { min: 1 }, "1", "Streaming: fields of a mapper's output line that are the key.";
    "stream.reduce.input.field.separator", Kind::Text, "\\t", "Streaming: between key and value of a reducer's input line.";
    "stream.reduce.output.field.separator", Kind::Text, "\\t", "Streaming: ends the key in a reducer's output line.";
    "stream.num.reduce.output.fields", Kind::Count { min: 1 }, "1", "Streaming: fields of a reducer's output line that are the key.";
    STREAM_IGNORE_KEY, Kind::Bool, "true", "Streaming: false gives the mapper the byte offset of each line as its key.";
    "stream.non.zero.exit.is.failure", Kind::Bool, "true", "Streaming: whether a command that ends with another code than 0 has failed.";
};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfError {
    #[error("`{0}` is no setting: write KEY=VALUE")]
    NotAPair(String),
    #[error(
        "there is no setting `{key}`; did you mean `{nearest}`? Settings of the job's own begin with `user.`"
    )]
    Unknown { key: String, nearest: &'static str },
    #[error("the setting {key} cannot be `{value}`: it is a {kind}")]
    BadValue { key: String, value: String, kind: Kind },
}

/// The table's line for a key.
pub fn setting(key: &str) -> Result<&'static Setting, ConfError> {
    SETTINGS.iter().find(|setting| setting.key == key).ok_or_else(|| {
        let nearest = SETTINGS.iter().min_by_key(|setting| distance(setting.key, key));
        ConfError::Unknown { key: key.to_owned(), nearest: nearest.map_or("", |setting| setting.key) }
    })
}

/// Settings in the order given: a later one replaces an earlier one.
pub fn parse<S: AsRef<str>>(pairs: impl IntoIterator<Item = S>) -> Result<JobConf, ConfError> {
    let mut conf = JobConf::default();
    for pair in pairs {
        let pair = pair.as_ref();
        let (key, value) = pair.split_once('=').ok_or_else(|| ConfError::NotAPair(pair.to_owned()))?;
        set(&mut conf, key.trim(), value)?;
    }
    Ok(conf)
}

/// Sets one key.
pub fn set(conf: &mut JobConf, key: &str, value: &str) -> Result<(), ConfError> {
    if key.strip_prefix(USER_PREFIX).is_some_and(|rest| !rest.is_empty()) {
        conf.extra.insert(key.to_owned(), value.to_owned());
        return Ok(());
    }
    let setting = setting(key)?;
    let parsed = check(setting, value)?;
    match (key, parsed) {
        (TASK_MEMORY, Value::Number(bytes)) => conf.task_memory_bytes = bytes,
        (TASK_ATTEMPTS, Value::Number(count)) => conf.attempts_max = count as u32,
        (JOB_WEIGHT, Value::Number(count)) => conf.weight = count as u32,
        (TASK_TIMEOUT, Value::Duration(timeout)) => conf.task_timeout = timeout,
        (LOCALITY_WAIT, Value::Duration(wait)) => conf.locality_wait = wait,
        _ => {
            conf.extra.insert(key.to_owned(), value.to_owned());
        }
    }
    Ok(())
}

enum Value {
    Number(u64),
    Duration(Duration),
    Other,
}

fn check(setting: &Setting, value: &str) -> Result<Value, ConfError> {
    let bad =
        || ConfError::BadValue { key: setting.key.to_owned(), value: value.to_owned(), kind: setting.kind };
    match setting.kind {
        Kind::Size => parse_size(value).filter(|bytes| *bytes > 0).map(Value::Number).ok_or_else(bad),
        Kind::Count { min } => {
            let count = value.trim().parse().ok().filter(|count| (min..=u64::from(u32::MAX)).contains(count));
            count.map(Value::Number).ok_or_else(bad)
        }
        Kind::Duration => parse_duration(value).map(Value::Duration).ok_or_else(bad),
        Kind::OneOf(values) if values.contains(&value) => Ok(Value::Other),
        Kind::Bool if matches!(value, "true" | "false") => Ok(Value::Other),
        Kind::Text => Ok(Value::Other),
        Kind::OneOf(_) | Kind::Bool => Err(bad()),
    }
}

/// `64`, `64k`, `64KiB`, `1.5GB`: powers of 1024 for `k m g t` and `KiB ..`, of 1000 for `KB ..`.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    };
    scaled(number, factor)
}

/// `250ms`, `10s`, `5m`, `1.5h`; a bare `0` as well.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let factor_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "" if number.chars().all(|digit| digit == '0') => 1,
        _ => return None,
    };
    scaled(number, factor_ms).map(Duration::from_millis)
}

fn split_unit(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    (end > 0).then(|| (&text[..end], text[end..].trim_start()))
}

/// A decimal number times a whole factor, rounded down, without a detour over floating point.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') || fraction.len() > 9 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part = match fraction {
        "" => 0,
        digits => {
            u128::from(digits.parse::<u64>().ok()?) * u128::from(factor) / 10u128.pow(digits.len() as u32)
        }
    };
    whole.checked_mul(factor)?.checked_add(u64::try_from(part).ok()?)
}

/// Settings that the compiler of plans reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlanConf {
    pub partitions: Option<u32>,
    pub split_bytes: Option<u64>,
    pub splits_min: Option<u32>,
}

impl PlanConf {
    pub fn of(conf: &JobConf) -> Result<PlanConf, ConfError> {
        let number = |key: &str| -> Result<Option<u64>, ConfError> {
            let Some(value) = conf.extra.get(key) else { return Ok(None) };
            match check(setting(key)?, value)? {
                Value::Number(number) => Ok(Some(number)),
                _ => Ok(None),
            }
        };
        Ok(PlanConf {
            partitions: number(JOB_PARTITIONS)?.map(|count| count as u32),
            split_bytes: number(INPUT_SPLIT_BYTES)?,
            splits_min: number(INPUT_SPLIT_MIN)?.map(|count| count as u32),
        })
    }
}

/// The value of a setting that is kept as text, or its default.
pub fn text<'a>(extra: &'a BTreeMap<String, String>, key: &str) -> &'a str {
    match extra.get(key) {
        Some(value) => value,
        None => setting(key).map_or("", |setting| setting.default),
    }
}

/// Edits that turn one name into the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_of_its_kind_and_every_key_is_there_once() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert!(setting.default.is_empty() || check(setting, setting.default).is_ok(), "{}", setting.key);
            assert!(
                !SETTINGS[..index].iter().any(|other| other.key == setting.key),
                "{} is twice",
                setting.key
            );
        }
    }

    #[test]
    fn the_defaults_of_the_table_are_those_of_the_code() {
        let written = SETTINGS.iter().filter(|setting| !setting.default.is_empty());
        let mut conf = parse(written.map(|setting| format!("{}={}", setting.key, setting.default))).unwrap();
        conf.extra.clear();
        assert_eq!(conf, JobConf::default());
    }

    #[test]
    fn values_are_read_with_their_units() {
        let conf =
            parse(["task.memory=1.5MiB", "task.timeout=0", "locality.wait=2s", "task.attempts=2"]).unwrap();
        assert_eq!(conf.task_memory_bytes, 3 << 19);
        assert_eq!(conf.task_timeout, Duration::ZERO);
        assert_eq!(conf.locality_wait, Duration::from_secs(2));
        assert_eq!(conf.attempts_max, 2);
        let conf = parse(["job.partitions=7", "input.split.bytes=1GB", "user.mine=a=b"]).unwrap();
        assert_eq!(
            PlanConf::of(&conf).unwrap(),
            PlanConf { partitions: Some(7), split_bytes: Some(1_000_000_000), splits_min: None }
        );
        assert_eq!(conf.extra["user.mine"], "a=b");
    }

    #[test]
    fn an_unknown_key_is_an_error_with_the_nearest_name() {
        let error = parse(["task.memroy=1GiB"]).unwrap_err();
        assert_eq!(error, ConfError::Unknown { key: "task.memroy".to_owned(), nearest: "task.memory" });
    }

    #[test]
    fn values_of_the_wrong_kind_are_refused() {
        for pair in [
            "task.memory=lots",
            "task.memory=0",
            "task.memory=-1",
            "task.attempts=0",
            "task.attempts=1.5",
            "task.timeout=5",
            "output.compress=lzo",
            "stream.map.input.ignoreKey=yes",
            "task.memory=99999999999999TiB",
        ] {
            assert!(matches!(parse([pair]), Err(ConfError::BadValue { .. })), "{pair}");
        }
        assert!(matches!(parse(["nothing"]), Err(ConfError::NotAPair(_))));
    }
}
