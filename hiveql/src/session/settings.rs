//! Settings and variables of a session: `SET key=value`, and what queries read of them.

use std::collections::BTreeMap;

/// Settings that change results, with Hive 4's defaults.
const DEFAULTS: &[(&str, &str)] = &[
    ("hive.cli.print.header", "false"),
    ("hive.default.nulls.last", "true"),
    ("hive.exec.compress.output", "false"),
    ("hive.exec.default.partition.name", "__HIVE_DEFAULT_PARTITION__"),
    ("hive.exec.dynamic.partition", "true"),
    ("hive.exec.dynamic.partition.mode", "nonstrict"),
    ("hive.exec.max.dynamic.partitions", "1000"),
    ("hive.exec.max.dynamic.partitions.pernode", "100"),
    ("hive.groupby.position.alias", "false"),
    ("hive.local.time.zone", "LOCAL"),
    ("hive.orderby.position.alias", "true"),
    ("hive.support.quoted.identifiers", "column"),
    ("hive.default.fileformat", "TextFile"),
    ("hive.query.result.fileformat", "SequenceFile"),
    ("hive.mapred.mode", "nonstrict"),
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

    pub fn is_true(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub fn set(&mut self, key: &str, value: &str) {
        self.conf.insert(key.to_owned(), value.to_owned());
    }

    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub fn set_system(&mut self, name: &str, value: &str) {
        self.system.insert(name.to_owned(), value.to_owned());
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
        let of = |map: &BTreeMap<String, String>, key: &str| map.get(key).cloned();
        match name.split_once(':') {
            Some(("hiveconf", key)) => self.get(key).map(str::to_owned),
            Some(("hivevar", key)) => of(&self.variables, key),
            Some(("system", key)) => of(&self.system, key).or_else(|| system_property(key)),
            Some(("env", key)) => std::env::var(key).ok(),
            _ => of(&self.variables, name).or_else(|| of(&self.conf, name)),
        }
    }

    /// All that was set, and the defaults, for `SET -v`.
    pub fn all(&self) -> Vec<(String, String)> {
        let mut all: BTreeMap<String, String> =
            DEFAULTS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        all.extend(self.conf.clone());
        all.into_iter().collect()
    }

    /// What was set in this session, for `SET`.
    pub fn changed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.conf.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
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
