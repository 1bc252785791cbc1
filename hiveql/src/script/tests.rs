//! Scripts that work, and all the ways in which they do not.

use super::*;
use crate::{formats::arrow_schema, types::HiveType};
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, Int32Array, RecordBatch, StringArray},
        compute::concat_batches,
        datatypes::Int32Type,
    },
    common::Result,
    datasource::memory::MemorySourceConfig,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{ExecutionPlan, collect},
};
use futures::StreamExt;
use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

fn columns() -> Vec<(String, HiveType)> {
    vec![("n".to_owned(), HiveType::Int), ("text".to_owned(), HiveType::String)]
}

fn words(columns: Vec<(String, HiveType)>) -> RowWords {
    RowWords {
        serde: String::new(),
        properties: BTreeMap::new(),
        columns,
        last_takes_rest: false,
        escaped: false,
    }
}

fn description(command: &str) -> ScriptDescription {
    ScriptDescription {
        command: command.to_owned(),
        input: words(columns()),
        output: words(columns()),
        partial: false,
        environment: vec![("a.setting".to_owned(), "its value".to_owned())],
        files: vec![],
    }
}

fn batch(rows: std::ops::Range<i32>) -> RecordBatch {
    let text = |row: i32| (row % 3 != 0).then(|| format!("row {row}"));
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(rows.clone())),
        Arc::new(rows.map(text).collect::<StringArray>()),
    ];
    RecordBatch::try_new(arrow_schema(&columns()), arrays).unwrap()
}

/// A script over these partitions.
fn plan(description: ScriptDescription, partitions: &[Vec<RecordBatch>]) -> Arc<dyn ExecutionPlan> {
    let input = MemorySourceConfig::try_new_exec(partitions, arrow_schema(&columns()), None).unwrap();
    let schema = arrow_schema(&description.output.columns);
    Arc::new(ScriptExec::try_new(input, Arc::new(description), schema).unwrap())
}

fn partition(batches: i32, rows: i32) -> Vec<RecordBatch> {
    (0..batches).map(|number| batch(number * rows..(number + 1) * rows)).collect()
}

async fn run(description: ScriptDescription, partitions: &[Vec<RecordBatch>]) -> Result<Vec<RecordBatch>> {
    let rows = collect(plan(description, partitions), Arc::new(TaskContext::default()));
    tokio::time::timeout(Duration::from_secs(60), rows).await.expect("the script hangs")
}

async fn failure(description: ScriptDescription, partitions: &[Vec<RecordBatch>]) -> String {
    run(description, partitions).await.unwrap_err().to_string()
}

fn count(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

#[tokio::test]
async fn rows_come_back_as_they_went_in() {
    let partitions = [partition(30, 8192), partition(2, 10), vec![]];
    let rows = run(description("cat"), &partitions).await.unwrap();
    assert_eq!(count(&rows), 30 * 8192 + 20);
    let numbers = |batches: &[RecordBatch]| -> i64 {
        let all =
            batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int32Type>().values().to_vec());
        all.map(i64::from).sum()
    };
    let nulls =
        |batches: &[RecordBatch]| -> usize { batches.iter().map(|batch| batch.column(1).null_count()).sum() };
    let expected: Vec<RecordBatch> = partitions.concat();
    assert_eq!((numbers(&rows), nulls(&rows)), (numbers(&expected), nulls(&expected)));
}

#[tokio::test]
async fn a_script_may_write_long_before_it_reads_and_read_long_before_it_writes() {
    let early = "sh -c \"head -c 3000000 /dev/zero | tr '\\0' '\\n'; cat >/dev/null\"";
    let rows = run(description(early), &[partition(40, 8192)]).await.unwrap();
    assert_eq!(count(&rows), 3_000_000);
    let rows = run(description("sort -n -r"), &[partition(40, 8192)]).await.unwrap();
    assert_eq!(rows[0].column(0).as_primitive::<Int32Type>().value(0), 40 * 8192 - 1);
}

#[tokio::test]
async fn without_rows_there_is_no_script() {
    let rows = run(description("no-such-command"), &[vec![], vec![batch(0..0)]]).await.unwrap();
    assert_eq!(count(&rows), 0);
}

#[tokio::test]
async fn a_missing_script_is_named() {
    let error = failure(description("no-such-command -x"), &[partition(1, 1)]).await;
    assert!(error.contains("[Error 20000]") && error.contains("`no-such-command -x`"), "{error}");
}

#[tokio::test]
async fn a_script_that_dies_tells_its_status_and_its_last_words() {
    let dies = "sh -c \"head -n 3; echo dead inside >&2; exit 7\"";
    for batches in [1, 100] {
        let error = failure(description(dies), &[partition(batches, 8192)]).await;
        for part in ["[Error 20003]", "exit status: 7", "dead inside", "head -n 3"] {
            assert!(error.contains(part), "{part} in {error}");
        }
    }
    let killed = failure(description("sh -c \"kill -9 $$\""), &[partition(1, 1)]).await;
    assert!(killed.contains("signal: 9"), "{killed}");
}

#[tokio::test]
async fn what_is_left_unread_is_an_error_unless_that_is_allowed() {
    let input = [partition(100, 8192)];
    let error = failure(description("true"), &input).await;
    assert!(error.contains("[Error 20001]"), "{error}");
    let allowed = ScriptDescription { partial: true, ..description("head -n 5") };
    assert_eq!(count(&run(allowed, &input).await.unwrap()), 5);
    let fails = ScriptDescription { partial: true, ..description("false") };
    assert!(failure(fails, &input).await.contains("exit status: 1"));
}

#[tokio::test]
async fn garbage_becomes_values_or_nulls() {
    let noise = ScriptDescription { partial: true, ..description("head -c 200000 /dev/urandom") };
    let rows = run(noise, &[partition(1, 10)]).await.unwrap();
    assert!(count(&rows) > 100);
    let short = ScriptDescription { partial: true, ..description("printf x\\ny\\tz\\tmore\\n\\n7") };
    let rows = run(short, &[partition(1, 1)]).await.unwrap();
    let rows = [concat_batches(&rows[0].schema(), &rows).unwrap()];
    let (numbers, texts) =
        (rows[0].column(0).as_primitive::<Int32Type>(), rows[0].column(1).as_string::<i32>());
    assert_eq!(numbers.iter().collect::<Vec<_>>(), [None, None, None, Some(7)]);
    assert_eq!(texts.iter().collect::<Vec<_>>(), [None, Some("z"), None, None]);
}

#[tokio::test]
async fn settings_and_added_files_are_at_hand() {
    let home = tempfile::tempdir().unwrap();
    let script = home.path().join("say.sh");
    fs::write(&script, "#!/bin/sh\ncat >/dev/null; echo \"1\t$a_setting $(cat data.txt)\"\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(home.path().join("data.txt"), "and data").unwrap();
    let file = |name: &str| ScriptFile {
        name: name.to_owned(),
        path: home.path().join(name).to_str().unwrap().to_owned(),
    };
    for command in ["say.sh", "./say.sh", "sh say.sh"] {
        let files = vec![file("say.sh"), file("data.txt")];
        let said = ScriptDescription { files, ..description(command) };
        let rows = run(said, &[partition(1, 1)]).await.unwrap();
        assert_eq!(rows[0].column(1).as_string::<i32>().value(0), "its value and data", "{command}");
    }
    let gone = ScriptDescription { files: vec![file("gone")], ..description("cat") };
    assert!(failure(gone, &[partition(1, 1)]).await.contains("[Error 20000]"));
}

/// The process is gone, or only waits to be collected.
fn is_dead(process: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

#[tokio::test]
async fn a_query_that_is_given_up_ends_its_script_and_what_that_started() {
    let endless = "sh -c \"sleep 1000 & echo $!; echo $$; exec yes 1\"";
    let plan = plan(description(endless), &[partition(1, 1)]);
    let mut rows: SendableRecordBatchStream = plan.execute(0, Arc::new(TaskContext::default())).unwrap();
    let mut processes = Vec::new();
    while processes.len() < 2 {
        let batch = rows.next().await.unwrap().unwrap();
        processes.extend(batch.column(0).as_primitive::<Int32Type>().values().iter().take(2).copied());
    }
    let [sleep, yes, ..] = processes.as_slice() else { panic!("{processes:?}") };
    assert!(Path::new(&format!("/proc/{yes}")).exists());
    drop(rows);
    for _ in 0..200 {
        if is_dead(*sleep) && is_dead(*yes) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{processes:?} live on");
}
