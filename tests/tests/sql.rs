//! HiveQL on a cluster of real processes, by way of `skep hive` and `skep sql`: right rows, one catalog for all, and an end for
//! everything that a client, a service or a worker leaves behind when it goes.

use skep_tests::cluster::{Cluster, interrupt, wait_until};
use std::{collections::BTreeMap, fmt::Write, process::Child};

const FILES: i64 = 3;
/// All of them are more than a session reads without a job.
const ROWS_PER_FILE: i64 = 160_000;
const ROWS: i64 = FILES * ROWS_PER_FILE;
const KEYS: i64 = 97;

const EXIT_INTERRUPTED: i32 = 130;

/// More pairs than anybody waits for.
const ENDLESS: &str = "SELECT count(*) FROM t a CROSS JOIN t b WHERE a.n + b.n < 0";
/// Everything becomes a job.
const ALWAYS_A_JOB: &str = "SET hive.exec.mode.local.auto.inputbytes.max=0;";

/// A cluster with SQL and an external table `t (k INT, n BIGINT, s STRING)`.
fn a_cluster_with_a_table(core: usize, task: usize) -> Cluster {
    let mut cluster = Cluster::start(core, task);
    cluster.start_hive();
    cluster.skep(&["fs", "mkdir", "-p", "/data/t"]).ok();
    for file in 0..FILES {
        let mut text = String::new();
        for number in file * ROWS_PER_FILE..(file + 1) * ROWS_PER_FILE {
            writeln!(text, "{}\t{number}\tsome text of row {number}", number % KEYS).unwrap();
        }
        cluster.put(&format!("/data/t/part-{file}"), text.as_bytes());
    }
    let create = "CREATE EXTERNAL TABLE t (k INT, n BIGINT, s STRING) \
                  ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' LOCATION '/data/t'";
    cluster.sql(create).ok();
    cluster
}

/// `k`, how often, and the sum of `n`, as a plain loop has it.
fn groups() -> String {
    let mut groups: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for number in 0..ROWS {
        let group = groups.entry(number % KEYS).or_default();
        group.0 += 1;
        group.1 += number;
    }
    groups.iter().fold(String::new(), |mut text, (key, (count, sum))| {
        writeln!(text, "{key}\t{count}\t{sum}").unwrap();
        text
    })
}

fn jobs(cluster: &Cluster) -> usize {
    let listed = cluster.skep(&["jobs", "list", "--json"]).ok();
    serde_json::from_str::<Vec<serde_json::Value>>(&listed).unwrap().len()
}

/// Starts a statement and returns when its job runs.
fn running(cluster: &Cluster, statement: &str) -> (Child, String) {
    let before = jobs(cluster);
    let client = cluster.skep_in_background(&["sql", "-e", statement]);
    wait_until("its job is there", || jobs(cluster) > before);
    let job = cluster.last_job()["summary"]["id"].to_string();
    wait_until("some task runs", || cluster.job(&job)["summary"]["tasks_running"].as_u64() > Some(0));
    (client, job)
}

fn ended(client: Child) -> (Option<i32>, String, String) {
    let output = client.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Files that INSERTs have written below a table's folder.
fn written(cluster: &Cluster, table: &str) -> usize {
    let listed = cluster.skep(&["fs", "ls", "-R", &format!("/user/hive/warehouse/{table}")]);
    let names = listed.stdout.lines().filter_map(|line| line.split_whitespace().last());
    names.filter(|name| name.contains("-w")).count()
}

fn no_results_are_left(cluster: &Cluster) {
    wait_until("the results are removed", || {
        let listed = cluster.skep(&["fs", "ls", "/.skep/results"]);
        listed.code != Some(0) || !listed.stdout.contains("/.skep/results/")
    });
}

#[test]
fn rows_are_those_of_a_plain_loop_and_little_becomes_no_job() {
    let cluster = a_cluster_with_a_table(2, 1);
    assert_eq!(cluster.sql("SELECT k, count(*), sum(n) FROM t GROUP BY k ORDER BY k").ok(), groups());
    let view = cluster.last_job();
    assert_eq!(view["summary"]["state"], "Succeeded");
    assert!(view["summary"]["name"].as_str().unwrap().starts_with("SELECT k, count(*)"), "{view}");
    assert!(view["stages"].as_array().unwrap().len() > 1, "{view}");
    let before = jobs(&cluster);
    let short = "SELECT 1; CREATE TABLE small (a INT); INSERT INTO small VALUES (1), (2); \
                 SELECT sum(a) FROM small; SELECT n FROM t LIMIT 3";
    assert_eq!(cluster.sql(short).ok(), "1\n3\n0\n1\n2\n");
    assert_eq!(jobs(&cluster), before);
    // More rows than the master takes come by way of files, in the order of the table's.
    let all = cluster.sql("SELECT n, s FROM t").ok();
    let expected = |number: i64| format!("{number}\tsome text of row {number}");
    assert!(all.lines().map(str::to_owned).eq((0..ROWS).map(expected)));
    no_results_are_left(&cluster);
}

#[test]
fn what_a_job_inserts_is_there_as_a_whole() {
    let cluster = a_cluster_with_a_table(2, 0);
    let insert = format!(
        "{ALWAYS_A_JOB} CREATE TABLE parts (n BIGINT) PARTITIONED BY (k INT) STORED AS PARQUET; \
         INSERT OVERWRITE TABLE parts PARTITION (k) SELECT n, k FROM t; \
         CREATE TABLE days (n BIGINT) PARTITIONED BY (k INT); \
         FROM t INSERT INTO TABLE days PARTITION (k) SELECT n, k WHERE k < 3 \
                INSERT INTO TABLE days PARTITION (k) SELECT n, k WHERE k = 7; \
         CREATE TABLE sums STORED AS ORC AS SELECT k, count(*) AS c, sum(n) AS s FROM parts GROUP BY k"
    );
    cluster.sql(&insert).ok();
    assert_eq!(cluster.sql("SELECT * FROM sums ORDER BY k").ok(), groups());
    assert_eq!(cluster.sql("SHOW PARTITIONS parts").ok().lines().count() as i64, KEYS);
    assert_eq!(cluster.sql("SHOW PARTITIONS days").ok(), "k=0\nk=1\nk=2\nk=7\n");
    cluster
        .sql(&format!("{ALWAYS_A_JOB} INSERT INTO parts PARTITION (k = 3) SELECT n FROM t WHERE k = 3"))
        .ok();
    let counted = "SELECT count(*), count(DISTINCT n) FROM parts WHERE k = 3";
    let once = groups().lines().nth(3).unwrap().split('\t').nth(1).unwrap().parse::<i64>().unwrap();
    assert_eq!(cluster.sql(counted).ok(), format!("{}\t{once}\n", 2 * once));
}

#[test]
fn a_program_is_a_function_on_every_machine() {
    let cluster = a_cluster_with_a_table(1, 1);
    let script = "#!/bin/sh\nwhile read -r n; do echo \"$(readlink -f \"$0\"):$n\"; done\n";
    let path = cluster.folder.path().join("where.sh");
    std::fs::write(&path, script).unwrap();
    let path = path.display();
    cluster.sql(&format!("CREATE FUNCTION whereabouts AS 'where.sh' USING FILE '{path}'")).ok();
    let query = "SELECT whereabouts(n) FROM t WHERE n = 7";
    // The service has the file itself; workers get it with the job.
    assert!(cluster.sql(query).ok().trim_end().ends_with(":7"));
    let there = cluster.sql(&format!("{ALWAYS_A_JOB} {query}")).ok();
    assert!(there.trim_end().ends_with(":7") && !there.starts_with(&path.to_string()), "{there}");
}

#[test]
fn sessions_of_all_services_see_one_catalog() {
    let mut cluster = a_cluster_with_a_table(1, 0);
    // The client's own machine tells this session when to go on.
    let wait = "while [ ! -e made ]; do sleep 0.02; done";
    std::fs::write(cluster.folder.path().join("wait.sh"), wait).unwrap();
    let first = cluster.skep_in_background(&["sql", "-e", "SHOW TABLES; !sh wait.sh; SELECT * FROM new"]);
    cluster.sql("CREATE TABLE new (a INT); INSERT INTO new VALUES (7)").ok();
    std::fs::write(cluster.folder.path().join("made"), "").unwrap();
    let (code, printed, errors) = ended(first);
    assert_eq!((code, printed.ends_with("7\n")), (Some(0), true), "{printed}{errors}");
    cluster.start_hive();
    assert_eq!(cluster.sql_services().len(), 2);
    cluster.kill_hive(0);
    assert_eq!(cluster.sql("SELECT * FROM new").ok(), "7\n");
    // It sees that nobody listens for the other one any more.
    wait_until("the dead one is forgotten", || cluster.sql_services().len() == 1);
}

#[test]
fn a_query_ends_with_the_client_that_waits_for_it() {
    let cluster = a_cluster_with_a_table(1, 1);
    let (client, job) = running(&cluster, ENDLESS);
    interrupt(&client, "INT");
    assert_eq!(ended(client).0, Some(EXIT_INTERRUPTED));
    assert_eq!(cluster.wait_for_job(&job)["summary"]["state"], "Killed");
    let (mut client, job) = running(&cluster, ENDLESS);
    client.kill().unwrap();
    client.wait().unwrap();
    assert_eq!(cluster.wait_for_job(&job)["summary"]["state"], "Killed");
    no_results_are_left(&cluster);
    assert_eq!(cluster.sql("SELECT count(*) FROM t").ok(), format!("{ROWS}\n"));
}

#[test]
fn a_service_that_is_killed_costs_its_sessions_and_leaves_nothing() {
    let mut cluster = a_cluster_with_a_table(1, 1);
    cluster.sql("CREATE TABLE made AS SELECT 1L AS c").ok();
    // It writes rows from its beginning on, and never ends.
    let insert = "INSERT OVERWRITE TABLE made SELECT a.n FROM t a CROSS JOIN t b";
    let (client, job) = running(&cluster, insert);
    cluster.kill_hive(0);
    let (code, printed, errors) = ended(client);
    assert_eq!((code, printed.as_str()), (Some(1), ""));
    assert_eq!(errors.matches("FAILED").count(), 1, "{errors}");
    assert!(errors.contains("is gone"), "{errors}");
    cluster.start_hive();
    assert_eq!(cluster.wait_for_job(&job)["summary"]["state"], "Killed");
    assert_eq!(cluster.sql("SELECT * FROM made").ok(), "1\n");
    wait_until("what was half written is removed", || written(&cluster, "made") == 1);
    assert_eq!(cluster.sql("INSERT INTO made VALUES (5); SELECT * FROM made ORDER BY c").ok(), "1\n5\n");
    no_results_are_left(&cluster);
}

#[test]
fn a_service_that_is_told_to_stop_ends_what_it_runs() {
    let mut cluster = a_cluster_with_a_table(1, 1);
    let (client, job) = running(&cluster, ENDLESS);
    assert_eq!(cluster.stop_hive(0), Some(0));
    let (code, _, errors) = ended(client);
    assert_eq!((code, errors.contains("is gone")), (Some(1), true), "{errors}");
    assert_eq!(cluster.wait_for_job(&job)["summary"]["state"], "Killed");
    assert!(cluster.sql_services().is_empty());
}

#[test]
fn workers_that_die_during_a_query_change_nothing() {
    let mut cluster = a_cluster_with_a_table(3, 1);
    let query = "SELECT a.k, count(*), sum(b.n) FROM t a JOIN t b ON a.n = b.n GROUP BY a.k ORDER BY a.k";
    let mut felt = 0;
    for victim in [3, 0] {
        let (client, job) = running(&cluster, query);
        wait_until("some task is done", || {
            let view = cluster.job(&job);
            view["summary"]["tasks_done"].as_u64() > Some(0) || view["summary"]["state"] == "Succeeded"
        });
        cluster.kill_worker(victim);
        let (code, printed, errors) = ended(client);
        assert_eq!(code, Some(0), "{errors}");
        assert_eq!(printed, groups(), "worker {victim} was killed");
        let view = cluster.job(&job);
        let counts = ["attempts_preempted", "attempts_worker_fault", "tasks_recomputed"];
        felt += counts.map(|name| view[name].as_u64().unwrap_or(0)).iter().sum::<u64>();
    }
    assert!(felt > 0, "no query noticed that a worker died");
}

#[test]
fn fifty_sessions_at_once_all_get_their_rows() {
    let cluster = a_cluster_with_a_table(2, 0);
    let query = |key: i64| format!("SELECT {key}; SELECT count(*) FROM t WHERE k = {key}");
    let clients: Vec<Child> =
        (0..50).map(|key| cluster.skep_in_background(&["sql", "-e", &query(key)])).collect();
    for (key, client) in clients.into_iter().enumerate() {
        let (code, printed, errors) = ended(client);
        let count = groups().lines().nth(key).unwrap().split('\t').nth(1).unwrap().to_owned();
        assert_eq!((code, printed), (Some(0), format!("{key}\n{count}\n")), "{errors}");
    }
}

#[test]
fn a_query_goes_on_when_the_master_comes_back() {
    let mut cluster = a_cluster_with_a_table(2, 0);
    let query = "SELECT a.k, count(*), sum(b.n) FROM t a JOIN t b ON a.n = b.n GROUP BY a.k ORDER BY a.k";
    let (client, _) = running(&cluster, query);
    cluster.kill_master();
    cluster.start_master();
    let (code, printed, errors) = ended(client);
    assert_eq!((code, printed), (Some(0), groups()), "{errors}");
    assert_eq!(cluster.sql("SELECT count(*) FROM t").ok(), format!("{ROWS}\n"));
}
