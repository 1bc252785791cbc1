//! What a session says of scripts and reducers.

use super::Session;
use crate::{plan::ScriptOptions, script::ScriptFile};

/// What the kernel takes of one variable is more than that; Hive cuts here.
const VARIABLE_BYTES_MAX: usize = 20 << 10;
/// Names of the same setting, the newest first.
const REDUCERS: [&str; 2] = ["mapreduce.job.reduces", "mapred.reduce.tasks"];

impl Session {
    pub(super) fn script_options(&self) -> ScriptOptions {
        let text = |key: &str| self.settings.get(key).unwrap_or_default().to_owned();
        ScriptOptions {
            partial: self.settings.is_true("hive.exec.script.allow.partial.consumption"),
            escaped: self.settings.is_true("hive.transform.escape.input"),
            serde: text("hive.script.serde"),
            environment: self.script_environment(),
            id_variable: text("hive.script.operator.id.env.var"),
            files: self.script_files(),
        }
    }

    /// All that was set, but for what a list of names leaves out.
    fn script_environment(&self) -> Vec<(String, String)> {
        let hidden = self.settings.get("hive.script.operator.env.blacklist").unwrap_or_default();
        let hidden: Vec<&str> = hidden.split(',').map(str::trim).collect();
        let cut = self.settings.is_true("hive.script.operator.truncate.env");
        let shown = self.settings.changed().filter(|(name, _)| !hidden.contains(name));
        let variable = |(name, value): (&str, &str)| {
            let end = if cut { value.floor_char_boundary(VARIABLE_BYTES_MAX) } else { value.len() };
            (name.to_owned(), value[..end].to_owned())
        };
        // A NUL ends a variable of the system's, so such a value cannot be one.
        shown.map(variable).filter(|(_, value)| !value.contains('\0')).collect()
    }

    fn script_files(&self) -> Vec<ScriptFile> {
        let file = |path: &std::path::Path| {
            let name = path.file_name()?.to_str()?.to_owned();
            Some(ScriptFile { name, path: path.to_str()?.to_owned() })
        };
        self.resources.all().filter_map(file).collect()
    }

    /// The number of reducers that was set, at most `hive.exec.reducers.max`; `None`: it is for the engine to choose.
    pub(super) fn reducers(&self) -> Option<usize> {
        let number = |key: &str| self.settings.get(key).and_then(|value| value.trim().parse::<usize>().ok());
        let set = REDUCERS.iter().find_map(|key| number(key)).filter(|count| *count > 0);
        match number("hive.exec.reducers.max") {
            Some(1) => Some(1),
            most => set.map(|count| count.min(most.unwrap_or(usize::MAX).max(1))),
        }
    }
}
