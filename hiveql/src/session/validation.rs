//! Values that SET refuses: those that a setting's type or list of words does not have, and settings that are not the user's.

use super::SessionError;

/// `SET` refuses nothing where this is false.
pub const VALIDATES: &str = "hive.conf.validation";

enum Kind {
    Whole,
    Fraction,
    OneOf(&'static [&'static str]),
}

const KINDS: &[(&str, Kind)] = &[
    ("hive.auto.convert.join.noconditionaltask.size", Kind::Whole),
    ("hive.exec.dynamic.partition.mode", Kind::OneOf(&["strict", "nonstrict"])),
    ("hive.exec.max.dynamic.partitions", Kind::Whole),
    ("hive.exec.max.dynamic.partitions.pernode", Kind::Whole),
    ("hive.exec.reducers.bytes.per.reducer", Kind::Whole),
    ("hive.exec.reducers.max", Kind::Whole),
    ("hive.execution.engine", Kind::OneOf(&["mr", "tez", "spark"])),
    ("hive.fetch.task.conversion", Kind::OneOf(&["none", "minimal", "more"])),
    ("hive.groupby.mapaggr.checkinterval", Kind::Whole),
    ("hive.join.cache.size", Kind::Whole),
    ("hive.join.emit.interval", Kind::Whole),
    ("hive.map.aggr.hash.min.reduction", Kind::Fraction),
    ("hive.map.aggr.hash.percentmemory", Kind::Fraction),
    ("hive.merge.size.per.task", Kind::Whole),
    ("hive.merge.smallfiles.avgsize", Kind::Whole),
    ("hive.new.job.grouping.set.cardinality", Kind::Whole),
    ("hive.skewjoin.key", Kind::Whole),
    ("hive.support.quoted.identifiers", Kind::OneOf(&["none", "column", "standard"])),
];

/// What ADD writes down.
const INTERNAL: [&str; 3] = ["hive.added.archives.path", "hive.added.files.path", "hive.added.jars.path"];

/// Whether SET may give this value.
pub fn check(key: &str, value: &str) -> Result<(), SessionError> {
    if INTERNAL.contains(&key) {
        return Err(SessionError::new(format!(
            "Cannot modify {key} at runtime. It is in the list of internal variables"
        )));
    }
    let value = value.trim();
    let wrong = match KINDS.iter().find(|(name, _)| *name == key).map(|(_, kind)| kind) {
        Some(Kind::Whole) if value.parse::<i64>().is_err() => {
            Some("because it expects INT type value.".to_owned())
        }
        Some(Kind::Fraction) if value.parse::<f32>().is_err() => {
            Some("because it expects FLOAT type value.".to_owned())
        }
        Some(Kind::OneOf(words)) if !words.iter().any(|word| word.eq_ignore_ascii_case(value)) => {
            Some(format!("in validation : Invalid value.. expects one of [{}].", words.join(", ")))
        }
        _ => None,
    };
    match wrong {
        None => Ok(()),
        Some(reason) => Err(SessionError::new(format!(
            "Query returned non-zero code: 1, cause: 'SET {key}={value}' FAILED {reason}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_to_be_of_its_settings_type() {
        assert!(check("hive.join.cache.size", "test").is_err());
        assert!(check("hive.join.cache.size", " 1000 ").is_ok());
        assert!(check("hive.map.aggr.hash.min.reduction", "false").is_err());
        assert!(check("hive.fetch.task.conversion", "true").is_err());
        assert!(check("hive.fetch.task.conversion", "MORE").is_ok());
        assert!(check("hive.added.jars.path", "x").is_err());
        assert!(check("of.somebody.else", "x").is_ok());
    }
}
