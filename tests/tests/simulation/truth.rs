//! What a world without faults would hold: every file as its writer had it acknowledged, every job as one process would
//! have run it.

use super::machine::History;
use rand::{Rng, rngs::StdRng};
use skep_jobs::model::{Determinism, JobId, JobSpec, StageInput};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Acknowledged to its end.
    Whole(Vec<u64>),
    /// Its writer vanished, or is at it: some beginning of this, or nothing.
    Prefix(Vec<u64>),
    /// Being moved or deleted: whole, or not there.
    Either(Vec<u64>),
}

#[derive(Default)]
pub struct Truth {
    files: BTreeMap<String, Expected>,
    /// Histories that were written into files, by the text that stands for each.
    histories: Vec<History>,
    specs: BTreeMap<u64, JobSpec>,
    jobs: BTreeMap<u64, JobId>,
    user_failures: BTreeMap<JobId, u32>,
    pub killed: BTreeSet<JobId>,
    /// Files that were read back at the end.
    pub verified: usize,
    pub jobs_verified: usize,
}

/// Texts of registered histories begin here.
const HISTORIES: u64 = 1 << 40;

impl Truth {
    pub fn new(specs: &[JobSpec]) -> Truth {
        Truth { specs: specs.iter().map(|spec| (spec.token, spec.clone())).collect(), ..Truth::default() }
    }

    pub fn expect(&mut self, name: &str, expected: Expected) {
        self.files.insert(name.to_owned(), expected);
    }

    pub fn names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    /// A file that is wholly there, whose name begins like this.
    pub fn some_file(&self, prefix: &str, rng: &mut StdRng) -> Option<String> {
        let whole = self.files.iter().filter(|(_, expected)| matches!(expected, Expected::Whole(_)));
        let mine: Vec<&String> =
            whole.map(|(name, _)| name).filter(|name| name.starts_with(prefix)).collect();
        if mine.is_empty() { None } else { Some(mine[rng.random_range(0..mine.len())].clone()) }
    }

    fn whole(&self, name: &str) -> Vec<u64> {
        match &self.files[name] {
            Expected::Whole(texts) => texts.clone(),
            other => unreachable!("{name} is {other:?}"),
        }
    }

    pub fn unknown(&mut self, name: &str) {
        let texts = self.whole(name);
        self.expect(name, Expected::Either(texts));
    }

    pub fn begin_move(&mut self, from: &str, to: &str) {
        let texts = self.whole(from);
        self.expect(from, Expected::Either(texts.clone()));
        self.expect(to, Expected::Either(texts));
    }

    pub fn end_move(&mut self, from: &str, to: &str, done: bool) {
        let Expected::Either(texts) = self.files[from].clone() else { return };
        let (there, not) = if done { (to, from) } else { (from, to) };
        self.expect(there, Expected::Whole(texts));
        self.files.remove(not);
    }

    pub fn deleted(&mut self, name: &str) {
        self.files.remove(name);
    }

    /// What was read must be what was written.
    pub fn compare(&self, name: &str, found: &[(u64, u64)]) {
        let found: Vec<u64> = found.iter().map(|(text, _)| *text).collect();
        match self.files.get(name) {
            Some(Expected::Whole(texts) | Expected::Either(texts)) => {
                assert_eq!(&found, texts, "{name} holds what its writer had acknowledged");
            }
            Some(Expected::Prefix(texts)) => {
                assert!(texts.starts_with(&found), "{name} holds a beginning of {texts:?}, not {found:?}");
            }
            None => {}
        }
    }

    pub fn verified(&mut self, name: &str, found: Option<Vec<(u64, u64)>>) {
        self.verified += 1;
        match found {
            Some(found) => self.compare(name, &found),
            None => {
                let expected = &self.files[name];
                assert!(
                    !matches!(expected, Expected::Whole(_)),
                    "{name} was acknowledged and cannot be read"
                );
            }
        }
    }

    pub fn submitted(&mut self, token: u64, job: JobId) {
        let before = self.jobs.insert(token, job);
        assert!(before.is_none_or(|before| before == job), "one token, one job");
    }

    pub fn jobs(&self) -> impl Iterator<Item = (JobId, &JobSpec)> {
        self.jobs.iter().map(|(token, job)| (*job, &self.specs[token]))
    }

    pub fn all_submitted(&self) -> bool {
        self.jobs.len() == self.specs.len()
    }

    pub fn writes(&self, token: u64) -> bool {
        self.specs[&token].finish.is_some()
    }

    pub fn user_failed(&mut self, job: JobId) {
        *self.user_failures.entry(job).or_default() += 1;
    }

    pub fn may_fail(&self, job: JobId, spec: &JobSpec) -> bool {
        self.user_failures.get(&job).is_some_and(|count| *count >= spec.conf.attempts_max)
    }

    /// The text that stands for a history in a file.
    pub fn register(&mut self, history: History) -> u64 {
        self.histories.push(history);
        HISTORIES + self.histories.len() as u64 - 1
    }

    pub fn history(&self, text: u64) -> &History {
        &self.histories[(text - HISTORIES) as usize]
    }

    /// The final tasks' data must come from one run of every task of every stage before, as in one process.
    pub fn check_result(&self, job: JobId, spec: &JobSpec, finals: &[History]) {
        let last = spec.stages.len() - 1;
        assert_eq!(finals.len(), spec.stages[last].tasks.len(), "{job}: one result for each task");
        let mut runs: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for (part, history) in finals.iter().enumerate() {
            let mut wanted: BTreeSet<(u32, u32)> = BTreeSet::from([(last as u32, part as u32)]);
            let mut stages = vec![last];
            while let Some(stage) = stages.pop() {
                for input in &spec.stages[stage].inputs {
                    let (StageInput::Shuffle(from)
                    | StageInput::Broadcast(from)
                    | StageInput::Replicated(from)) = input;
                    wanted.extend(
                        (0..spec.stages[from.0 as usize].tasks.len()).map(|task| (from.0, task as u32)),
                    );
                    stages.push(from.0 as usize);
                }
            }
            let found: BTreeSet<(u32, u32)> =
                history.iter().map(|(stage, part, _)| (*stage, *part)).collect();
            assert_eq!(found, wanted, "{job}: task {part} of the last stage has all of its input");
            for (stage, part, run) in history {
                if spec.stages[*stage as usize].determinism == Determinism::Varies {
                    let first = *runs.entry((*stage, *part)).or_insert(*run);
                    assert_eq!(first, *run, "{job} mixes two runs of task {stage}.{part}");
                }
            }
        }
    }
}
