//! Streaming jobs with real commands, on local threads.

use super::StreamingJob;
use crate::{
    conf,
    local::{self, LocalOptions, LocalRun, Report},
    model::JobConf,
    plan::compile,
};
use skep_hdfs::stores::Stores;
use std::{collections::BTreeMap, path::Path, sync::OnceLock, time::Duration};

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap())
}

/// A job whose input is `text`, in a folder of its own.
struct Case {
    folder: tempfile::TempDir,
    job: StreamingJob,
    conf: JobConf,
}

impl Case {
    fn new(text: &str, mapper: &str) -> Case {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("in");
        std::fs::write(&input, text).unwrap();
        let job = StreamingJob {
            inputs: vec![input.display().to_string()],
            output: folder.path().join("out").display().to_string(),
            mapper: mapper.to_owned(),
            ..StreamingJob::default()
        };
        Case { folder, job, conf: JobConf::default() }
    }

    fn reducer(mut self, reducer: &str, reducers: u32) -> Case {
        self.job.reducer = Some(reducer.to_owned());
        self.job.reducers = Some(reducers);
        self
    }

    fn map_only(mut self) -> Case {
        self.job.reducers = Some(0);
        self
    }

    fn set(mut self, pair: &str) -> Case {
        let (key, value) = pair.split_once('=').unwrap();
        conf::set(&mut self.conf, key, value).unwrap();
        self
    }

    fn script(self, name: &str, text: &str) -> Case {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Builds the program as a task process does, from the arguments.
    fn run(&self) -> Result<LocalRun, String> {
        let program =
            StreamingJob::program(&self.job.arguments().unwrap()).map_err(|error| error.to_string())?;
        let stores = Stores::local();
        let compiled = runtime()
            .block_on(compile::compile(&program, &stores, &self.conf, 2))
            .map_err(|error| error.to_string())?;
        let conf = self.conf.clone();
        let options = LocalOptions { threads: 2, conf, stores, runtime: runtime().handle().clone() };
        local::run(&program, &compiled, &options, &mut Report::silent()).map_err(|error| error.to_string())
    }

    /// All lines of the output, sorted.
    fn lines(&self) -> Vec<String> {
        self.run().unwrap();
        output_lines(Path::new(&self.job.output))
    }
}

fn output_lines(folder: &Path) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        lines.extend(text.lines().map(str::to_owned));
    }
    lines.sort();
    lines
}

const WORD_MAPPER: &str = "
import sys
for line in sys.stdin:
    for word in line.split():
        print(word + '\\t1')
";

const SUM_REDUCER: &str = "
import sys
last, total = None, 0
for line in sys.stdin:
    key, value = line.rstrip('\\n').split('\\t')
    assert last is None or last <= key, 'keys come in order'
    if key != last and last is not None:
        print(f'{last}\\t{total}')
        total = 0
    last, total = key, total + int(value)
if last is not None:
    print(f'{last}\\t{total}')
sys.stderr.write('reporter:counter:sums,reducers,1\\n')
";

fn words(count: usize) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut counts = BTreeMap::new();
    for number in 0..count {
        let word = format!("w{}", number * 7919 % 97);
        *counts.entry(word.clone()).or_insert(0) += 1;
        text.push_str(&word);
        text.push(if number % 9 == 0 { '\n' } else { ' ' });
    }
    (text, counts.into_iter().map(|(word, count)| format!("{word}\t{count}")).collect())
}

#[test]
fn python_scripts_count_words_also_with_a_combiner() {
    let (text, mut expected) = words(50_000);
    expected.sort();
    let mut case =
        Case::new(&text, "python3 M").script("map.py", WORD_MAPPER).script("reduce.py", SUM_REDUCER);
    case.job.mapper = format!("python3 {}", case.path("map.py"));
    let reduce = format!("python3 {}", case.path("reduce.py"));
    let mut case = case.reducer(&reduce, 3).set("input.split.bytes=40000");
    assert_eq!(case.lines(), expected);
    case.job.combiner = Some(reduce);
    case.job.output = case.path("out-2");
    let run = case.set("task.memory=1").run_and_lines();
    assert_eq!(run.1, expected);
    // Three reducers, and more than one combiner in each of several map tasks.
    assert!(run.0.counters["sums:reducers"] > 6, "{:?}", run.0.counters);
}

impl Case {
    fn run_and_lines(&self) -> (LocalRun, Vec<String>) {
        let run = self.run().unwrap();
        (run, output_lines(Path::new(&self.job.output)))
    }
}

#[test]
fn awk_is_a_reducer_and_cat_a_mapper() {
    let case = Case::new("b 1\na 2\nb 3\n", "tr ' ' '\\t'")
        .reducer("awk -F '\\t' '{sum[$1] += $2} END {for (key in sum) print key \",\" sum[key]}'", 1);
    assert_eq!(case.lines(), ["a,2", "b,4"]);
}

#[test]
fn without_reducers_the_mappers_output_is_the_result() {
    let case = Case::new("b\na\n", "cat").map_only();
    case.run().unwrap();
    let part = std::fs::read_to_string(Path::new(&case.job.output).join("part-00000")).unwrap();
    assert_eq!(part, "b\na\n");
    let mut case = Case::new("b\na\n", "cat");
    case.job.reducer = Some("NONE".to_owned());
    assert_eq!(case.lines(), ["a", "b"]);
}

#[test]
fn without_a_reducer_the_pairs_are_sorted() {
    let mut case = Case::new("b\t2\na\t1\nc\n", "cat");
    case.job.reducers = Some(1);
    case.run().unwrap();
    let part = std::fs::read_to_string(Path::new(&case.job.output).join("part-00000")).unwrap();
    assert_eq!(part, "a\t1\nb\t2\nc\t\n");
}

#[test]
fn keys_may_have_several_fields_and_other_separators() {
    let case = Case::new("11.12.1.2\n11.14.2.3\n11.11.4.1\n11.12.1.1\n", "cat")
        .reducer("cat", 1)
        .set("stream.map.output.field.separator=.")
        .set("stream.num.map.output.key.fields=2")
        .set("stream.reduce.input.field.separator=|");
    assert_eq!(case.lines(), ["11.11|4.1", "11.12|1.1", "11.12|1.2", "11.14|2.3"]);
}

#[test]
fn a_mapper_can_have_the_offsets_of_its_lines() {
    let case = Case::new("one\ntwo\r\nthree", "cat").map_only().set("stream.map.input.ignoreKey=false");
    assert_eq!(case.lines(), ["0\tone", "4\ttwo", "9\tthree"]);
}

#[test]
fn a_command_that_fails_shows_its_exit_code_and_last_words() {
    let case = Case::new("one\ntwo\n", "sh -c 'echo the disk of the moon is full >&2; exit 7'").map_only();
    let error = case.run().unwrap_err();
    assert!(error.contains("exit code 7") && error.contains("the disk of the moon is full"), "{error}");
    assert!(!Path::new(&case.job.output).exists());
    let case = Case::new("one\n", "sh -c 'exit 7'").map_only().set("stream.non.zero.exit.is.failure=false");
    assert_eq!(case.lines(), Vec::<String>::new());
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let error = Case::new("one\n", "no-such-command -x").map_only().run().unwrap_err();
    assert!(error.contains("no-such-command -x"), "{error}");
}

#[test]
fn a_mapper_that_reads_nothing_is_fine() {
    let (text, _) = words(500_000);
    let case = Case::new(&text, "echo done").map_only().set("input.split.bytes=1GB");
    assert_eq!(case.lines(), ["done"]);
}

#[test]
fn a_mapper_that_writes_much_more_than_it_reads_does_not_block() {
    let case = Case::new(&"x\n".repeat(2_000), "awk '{for (i = 0; i < 500; i++) print $0 i}'").map_only();
    assert_eq!(case.lines().len(), 1_000_000);
}

#[test]
fn a_mapper_without_input_still_runs() {
    assert_eq!(Case::new("", "echo nothing").map_only().lines(), ["nothing"]);
}

#[test]
fn counters_and_status_come_over_stderr() {
    let case = Case::new("a\nb\n", "sh -c 'cat; echo reporter:counter:lines,seen,2 >&2'").map_only();
    assert_eq!(case.run().unwrap().counters["lines:seen"], 2);
}

#[test]
fn commands_find_the_job_in_their_environment() {
    let mut case = Case::new(
        "a\n",
        "sh -c 'cat > /dev/null; echo $mapreduce_map_input_file $mapreduce_task_partition $user_colour $EXTRA'",
    )
    .map_only()
    .set("user.colour=blue");
    case.job.environment.insert("EXTRA".to_owned(), "more".to_owned());
    assert_eq!(case.lines(), [format!("{} 0 blue more", case.path("in"))]);
}

#[test]
fn every_file_has_a_mapper_of_its_own() {
    let mut case = Case::new("1\n2\n", "wc -l").map_only();
    let other = case.path("other");
    std::fs::write(&other, "1\n2\n3\n").unwrap();
    case.job.inputs.push(other);
    let counts: Vec<String> = case.lines().iter().map(|line| line.trim().to_owned()).collect();
    assert_eq!(counts, ["2", "3"]);
}

#[test]
fn a_command_line_that_cannot_be_split_is_refused() {
    let error = Case::new("a\n", "sh -c 'oops").run().unwrap_err();
    assert!(error.contains("quote"), "{error}");
}

#[test]
fn a_command_ends_with_all_it_started_when_its_attempt_is_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("pid");
    // The first line fails its task; the other task, which never ends by itself, is told to stop.
    let script = format!(
        "sh -c 'read line; if [ $line = bad ]; then while [ ! -s {0} ]; do sleep 0.01; done; exit 1; fi; \
         sleep 1000 & echo $! > {0}; wait'",
        mark.display()
    );
    let case = Case::new("bad\ngood\n", &script).map_only().set("input.split.bytes=4");
    assert!(case.run().is_err());
    let process = std::fs::read_to_string(&mark).unwrap();
    let gone = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.trim()));
        // Ended, or only waiting for whoever adopted it to notice.
        stat.map_or(true, |stat| stat.contains(") Z "))
    };
    let started = std::time::Instant::now();
    while !gone() {
        assert!(started.elapsed() < Duration::from_secs(60), "process {process} still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}
