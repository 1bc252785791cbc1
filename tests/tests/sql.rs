//! `skep sql` against a cluster of real processes: one catalog for all sessions, large queries as jobs, and what a kill leaves.

use skep_tests::cluster::{Cluster, wait_until};
use std::fmt::Write;

/// More than a session's own process reads of a table.
const ROWS: u64 = 700_000;

/// Two core workers, a task worker and the SQL service, with a table of more rows than fit the short path.
fn cluster() -> Cluster {
    let mut cluster = Cluster::start_with(2, 1, &["--slots", "2"]);
    cluster.start_service();
    let mut text = String::new();
    for row in 0..ROWS {
        writeln!(text, "{row}\t{}\t{:020}", row % 100, row.wrapping_mul(0x9e37_79b9)).unwrap();
    }
    cluster.skep(&["fs", "mkdir", "-p", "/numbers"]).ok();
    cluster.put("/numbers/part-0", text.as_bytes());
    sql(
        &cluster,
        "create external table numbers (n bigint, g int, s string)
         row format delimited fields terminated by '\t' location '/numbers'",
    );
    cluster
}

fn sql(cluster: &Cluster, text: &str) -> String {
    cluster.skep(&["sql", "--silent", "-e", text]).ok()
}

/// Name, state and id of the newest job.
fn newest(cluster: &Cluster) -> Option<(String, String, String)> {
    let listed: serde_json::Value =
        serde_json::from_str(&cluster.skep(&["jobs", "list", "--json"]).ok()).unwrap();
    let job = listed.as_array()?.first()?;
    let text = |field: &str| job[field].as_str().map_or_else(|| job[field].to_string(), str::to_owned);
    Some((text("name"), text("state"), text("id")))
}

fn wait_for(cluster: &Cluster, name: &str, state: &str) {
    wait_until(&format!("a job {name} is {state}"), || {
        newest(cluster).is_some_and(|(found, now, _)| found.starts_with(name) && now == state)
    });
}

/// Files of writes below a table's folder.
fn files(cluster: &Cluster, table: &str) -> Vec<String> {
    let folder = format!("/user/hive/warehouse/{table}");
    let listed = cluster.skep(&["fs", "ls", "-R", &folder]);
    let names = listed.stdout.lines().filter_map(|line| line.split_whitespace().last());
    names.filter(|name| name.contains("-w")).map(str::to_owned).collect()
}

#[test]
fn sessions_share_a_catalog_and_only_large_queries_are_jobs() {
    let cluster = cluster();
    assert_eq!(
        sql(&cluster, "select count(*), sum(n) from numbers"),
        format!("{ROWS}\t{}\n", ROWS * (ROWS - 1) / 2)
    );
    let (name, ..) = newest(&cluster).unwrap();
    assert!(name.starts_with("select count(*)"), "{name}");
    sql(&cluster, "create table small as select g, count(*) as c from numbers where n < 1000 group by g");
    let before = newest(&cluster);
    // Another session sees what this one has made; it is read without a job.
    assert_eq!(sql(&cluster, "select count(*), sum(c) from small"), "100\t1000\n");
    assert_eq!(newest(&cluster), before);
    sql(&cluster, "insert overwrite table small select g, count(*) from numbers group by g");
    assert_eq!(sql(&cluster, "select count(*), min(c), max(c) from small"), "100\t7000\t7000\n");
    sql(
        &cluster,
        "create table days (n bigint) partitioned by (g int);
         from numbers insert into table days partition (g) select n, g where g < 3
                      insert into table days partition (g) select n, g where g = 7",
    );
    assert_eq!(sql(&cluster, "show partitions days"), "g=0\ng=1\ng=2\ng=7\n");
    assert_eq!(sql(&cluster, "select count(*) from days where g = 7"), "7000\n");
}

#[test]
fn a_task_worker_that_dies_in_a_query_changes_nothing() {
    let mut cluster = cluster();
    let query = "select g, count(*), sum(n), max(s) from numbers group by g order by g";
    let expected = sql(&cluster, query);
    assert_eq!(expected.lines().count(), 100);
    // With another name, to know it from the first.
    let again = query.replace("select g", "select /* again */ g");
    let running = cluster.skep_in_background(&["sql", "--silent", "-e", &again]);
    wait_for(&cluster, "select /* again */", "running");
    cluster.kill_worker(2);
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn a_service_that_dies_is_told_in_one_error_and_leaves_nothing_half_written() {
    let mut cluster = cluster();
    sql(&cluster, "create table t as select 1 as n");
    // Long enough to be killed in it.
    let insert = "insert overwrite table t select a.n + b.n from numbers a join numbers b on a.g = b.g";
    let running = cluster.skep_in_background(&["sql", "--silent", "-e", insert]);
    wait_for(&cluster, "insert overwrite", "running");
    cluster.kill_service();
    let output = running.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.starts_with("FAILED: ") && told.contains("is gone"), "{told}");
    cluster.start_service();
    assert_eq!(sql(&cluster, "select n from t"), "1\n");
    // Its job has nobody who waits for it.
    if let Some((_, _, id)) = newest(&cluster) {
        cluster.skep(&["jobs", "kill", &id]);
    }
    sql(&cluster, "insert overwrite table t select 2");
    assert_eq!(sql(&cluster, "select n from t"), "2\n");
}

#[test]
fn ctrl_c_ends_the_query_and_its_job() {
    let cluster = cluster();
    let query = "select count(*) from numbers a join numbers b on a.g = b.g";
    let mut running = cluster.skep_in_background(&["sql", "-e", query]);
    wait_for(&cluster, "select count(*)", "running");
    let process = rustix::process::Pid::from_raw(i32::try_from(running.id()).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(130));
    wait_for(&cluster, "select count(*)", "killed");
    assert!(files(&cluster, "numbers").is_empty());
}

#[test]
fn fifty_sessions_work_at_once() {
    let cluster = cluster();
    sql(&cluster, "create table t as select 5 as n");
    let query = "select n, current_user() is not null from t";
    let sessions: Vec<_> =
        (0..50).map(|_| cluster.skep_in_background(&["sql", "--silent", "-e", query])).collect();
    for session in sessions {
        let output = session.wait_with_output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "5\ttrue\n",
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
