//! What a command finds in its environment: the settings of the job with `.` replaced by `_`, as Hadoop has it, and the
//! variables that the user added.

use crate::plan::scope::TaskScope;
use std::collections::BTreeMap;

/// Which command of the job it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Map,
    Reduce,
}

/// Variables for one command, by name.
pub fn variables(
    scope: &TaskScope<'_>,
    phase: Phase,
    added: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let context = scope.context;
    let attempt = context.attempt;
    let letter = if phase == Phase::Map { 'm' } else { 'r' };
    // Ids in Hadoop's form; there is no start time of a cluster in ours.
    let job = format!("0_{:04}", attempt.job.0);
    let task = format!("{job}_{letter}_{:06}", attempt.part.0);
    let mut variables: BTreeMap<String, String> =
        context.conf.extra.iter().map(|(key, value)| (name(key), value.clone())).collect();
    let mut set = |key: &str, value: String| variables.insert(name(key), value);
    set("mapreduce.job.id", format!("job_{job}"));
    set("mapreduce.task.id", format!("task_{task}"));
    set("mapreduce.task.attempt.id", format!("attempt_{task}_{}", attempt.attempt.0));
    set("mapreduce.task.partition", attempt.part.0.to_string());
    set("mapreduce.task.ismap", (phase == Phase::Map).to_string());
    set("mapreduce.job.user.name", context.user.clone());
    set("mapreduce.job.local.dir", context.work.display().to_string());
    set("mapreduce.task.tmp.dir", context.scratch.display().to_string());
    if phase == Phase::Map {
        let piece = scope.piece();
        set("mapreduce.job.reduces", scope.launch.partitions.to_string());
        set("mapreduce.map.input.file", piece.file.clone());
        set("mapreduce.map.input.start", piece.offset.to_string());
        set("mapreduce.map.input.length", piece.len_bytes.to_string());
    }
    variables.extend(added.iter().map(|(key, value)| (key.clone(), value.clone())));
    variables
}

/// A setting's name as a variable: what is no letter or digit becomes `_`.
fn name(key: &str) -> String {
    key.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}
