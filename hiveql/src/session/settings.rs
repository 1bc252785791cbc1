//! Settings and variables of a session: `SET key=value`, and what queries read of them.

use super::{SessionError, validation};
use crate::functions;
use std::collections::BTreeMap;

/// Settings that change results, with Hive 4's defaults.
const DEFAULTS: &[(&str, &str)] = &[
    ("hive.cli.errors.ignore", "false"),
    ("hive.cli.print.current.db", "false"),
    ("hive.cli.print.header", "false"),
    ("hive.conf.validation", "true"),
    ("hive.default.fileformat", "TextFile"),
    ("hive.default.nulls.last", "true"),
    ("hive.exec.compress.output", "false"),
    ("hive.exec.default.partition.name", "__HIVE_DEFAULT_PARTITION__"),
    ("hive.exec.dynamic.partition", "true"),
    ("hive.exec.dynamic.partition.mode", "nonstrict"),
    ("hive.exec.max.dynamic.partitions", "1000"),
    ("hive.exec.max.dynamic.partitions.pernode", "100"),
    ("hive.exec.mode.local.auto.inputbytes.max", "8388608"),
    ("hive.exec.reducers.max", "1009"),
    ("hive.exec.script.allow.partial.consumption", "false"),
    ("hive.groupby.orderby.position.alias", "false"),
    ("hive.groupby.position.alias", "false"),
    ("hive.local.time.zone", "LOCAL"),
    ("hive.map.aggr", "true"),
    ("hive.mapred.mode", "nonstrict"),
    ("hive.merge.mapfiles", "true"),
    ("hive.merge.mapredfiles", "false"),
    ("hive.merge.size.per.task", "256000000"),
    ("hive.merge.smallfiles.avgsize", "16000000"),
    ("hive.merge.tezfiles", "false"),
    ("hive.orderby.position.alias", "true"),
    ("hive.query.result.fileformat", "SequenceFile"),
    (
        "hive.script.operator.env.blacklist",
        "hive.txn.valid.txns,hive.txn.tables.valid.writeids,hive.txn.valid.writeids,hive.script.operator.env.blacklist,hive.repl.current.table.write.id",
    ),
    ("hive.script.operator.id.env.var", "HIVE_SCRIPT_OPERATOR_ID"),
    ("hive.script.operator.truncate.env", "false"),
    ("hive.script.serde", "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"),
    ("hive.strict.checks.cartesian.product", "false"),
    ("hive.strict.checks.no.partition.filter", "false"),
    ("hive.strict.checks.orderby.no.limit", "false"),
    ("hive.strict.checks.type.safety", "true"),
    ("hive.support.quoted.identifiers", "column"),
    ("hive.transform.escape.input", "false"),
    ("hive.variable.substitute", "true"),
];

/// What SET says, by kind of variable.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    conf: BTreeMap<String, String>,
    /// `hivevar:`
    variables: BTreeMap<String, String>,
    system: BTreeMap<String, String>,
}

impl Settings {
    /// A setting by its key, as it was set or by default.
    pub fn get(&self, key: &str) -> Option<&str> {
        let default = || DEFAULTS.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        self.conf.get(key).map(String::as_str).or_else(default)
    }

    /// What was set, defaults aside.
    pub fn set_value(&self, key: &str) -> Option<&str> {
        self.conf.get(key).map(String::as_str)
    }

    /// Those that functions ask for.
    pub(super) fn of_functions(&self) -> BTreeMap<String, String> {
        let set = functions::SETTINGS.iter().filter_map(|key| Some((*key, self.conf.get(*key)?)));
        set.map(|(key, value)| (key.to_owned(), value.clone())).collect()
    }

    pub fn is_true(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub fn set(&mut self, key: &str, value: &str) {
        self.conf.insert(key.to_owned(), value.to_owned());
    }

    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// SET as it is written: a prefix says what kind of variable it is.
    pub fn set_prefixed(&mut self, key: &str, value: &str) -> Result<(), SessionError> {
        match key.split_once(':') {
            Some(("hivevar", name)) => self.set_variable(name, value),
            Some(("system", name)) => {
                self.system.insert(name.to_owned(), value.to_owned());
            }
            Some(("env", _)) => return Err(SessionError::new("env:* variables can not be set.")),
            Some(("hiveconf" | "metaconf", name)) => self.set_checked(name, value)?,
            _ => self.set_checked(key, value)?,
        }
        Ok(())
    }

    fn set_checked(&mut self, key: &str, value: &str) -> Result<(), SessionError> {
        if self.is_true(validation::VALIDATES) {
            validation::check(key, value)?;
        }
        let before = self.conf.insert(key.to_owned(), value.to_owned());
        self.timezone().map(drop).inspect_err(|_| match before {
            Some(before) => self.set(key, &before),
            None => self.reset_key(key),
        })
    }

    /// Back to the defaults; variables stay.
    pub fn reset(&mut self) {
        self.conf.clear();
    }

    pub fn reset_key(&mut self, key: &str) {
        self.conf.remove(key);
    }

    /// What `${name}` stands for: a prefix says where to look, no prefix means a variable, then a setting.
    pub fn substitute(&self, name: &str) -> Option<String> {
        match name.split_once(':') {
            None | Some(("hivevar" | "hiveconf" | "system" | "env", _)) => self.value(name),
            Some(_) => None,
        }
    }

    /// The value of a variable by its whole name.
    pub fn value(&self, name: &str) -> Option<String> {
        match name.split_once(':') {
            Some(("hiveconf", key)) => self.get(key).map(str::to_owned),
            Some(("hivevar", key)) => self.variables.get(key).cloned(),
            Some(("system", key)) => self.system.get(key).cloned().or_else(|| system_property(key)),
            Some(("env", key)) => std::env::var(key).ok(),
            _ => self.variables.get(name).cloned().or_else(|| self.get(name).map(str::to_owned)),
        }
    }

    /// All that was set, and the defaults, for `SET -v`.
    pub fn all(&self) -> Vec<(String, String)> {
        let defaults = DEFAULTS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let mut all: BTreeMap<String, String> = defaults.collect();
        all.extend(self.conf.clone());
        all.into_iter().collect()
    }

    /// What was set in this session, for `SET`.
    pub fn changed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.conf.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Of timestamps with local time zone.
    pub fn timezone(&self) -> Result<chrono_tz::Tz, SessionError> {
        let name = match self.get("hive.local.time.zone") {
            None | Some("LOCAL" | "local") => machine_timezone(),
            Some(name) => name.to_owned(),
        };
        let unknown = || {
            SessionError::new(format!(
                "hive.local.time.zone is '{name}', which is not the name of a time zone"
            ))
            .hint("names look like Europe/Berlin or UTC")
        };
        name.parse().map_err(|_| unknown())
    }
}

fn machine_timezone() -> String {
    let set = std::env::var("TZ").ok().map(|zone| zone.trim_start_matches(':').to_owned());
    let known = |zone: &String| zone.parse::<chrono_tz::Tz>().is_ok();
    set.filter(known)
        .or_else(|| iana_time_zone::get_timezone().ok().filter(known))
        .unwrap_or_else(|| "UTC".to_owned())
}

/// The properties of a JVM that scripts ask for, with what they mean here.
fn system_property(key: &str) -> Option<String> {
    match key {
        "user.name" => std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok(),
        "user.dir" => std::env::current_dir().ok().map(|path| path.display().to_string()),
        "user.home" => std::env::var("HOME").ok(),
        "java.io.tmpdir" => Some(std::env::temp_dir().display().to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_its_default_until_it_is_set_and_after_it_is_reset() {
        let mut settings = Settings::default();
        assert!(settings.is_true("hive.default.nulls.last"));
        settings.set_prefixed("hiveconf:hive.default.nulls.last", "FALSE").unwrap();
        assert!(!settings.is_true("hive.default.nulls.last"));
        settings.reset();
        assert!(settings.is_true("hive.default.nulls.last"));
    }

    #[test]
    fn names_are_looked_up_where_their_prefix_says() {
        let mut settings = Settings::default();
        settings.set_prefixed("hivevar:x", "variable").unwrap();
        settings.set_prefixed("x", "setting").unwrap();
        assert_eq!(settings.substitute("x").as_deref(), Some("variable"));
        assert_eq!(settings.substitute("hiveconf:x").as_deref(), Some("setting"));
        assert_eq!(settings.substitute("hivevar:y"), None);
        assert!(settings.set_prefixed("env:x", "1").is_err());
    }

    #[test]
    fn a_time_zone_must_be_known() {
        let mut settings = Settings::default();
        settings.set_prefixed("hive.local.time.zone", "Europe/Berlin").unwrap();
        assert_eq!(settings.timezone().unwrap(), chrono_tz::Europe::Berlin);
        assert!(settings.set_prefixed("hive.local.time.zone", "Nowhere").is_err());
        assert_eq!(settings.timezone().unwrap(), chrono_tz::Europe::Berlin);
    }
}
