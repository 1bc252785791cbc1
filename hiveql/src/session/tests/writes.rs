//! INSERT and its like.

use super::place::Place;

#[tokio::test]
async fn keys_of_dynamic_partitions_may_be_anything() {
    let place = Place::new();
    let mut session = place.open().await;
    session.run("create table t (a int) partitioned by (p string)").await;
    session
        .run(
            "insert into t partition (p) values (1, null), (2, ''), (3, 'a/b'), (4, 'x=y'), (5, '100% ü'), (6, 'a:b c'), \
             (7, 'NULL'), (8, '__HIVE_DEFAULT_PARTITION__')",
        )
        .await;
    let rows = session.run("select a, p from t order by a").await;
    assert_eq!(
        rows[..6],
        [
            "1 __HIVE_DEFAULT_PARTITION__",
            "2 __HIVE_DEFAULT_PARTITION__",
            "3 a/b",
            "4 x=y",
            "5 100% ü",
            "6 a:b c"
        ]
    );
    assert_eq!(rows[6..], ["7 NULL", "8 __HIVE_DEFAULT_PARTITION__"]);
    assert_eq!(session.run("select a from t where p = 'a/b' or p = '100% ü' order by a").await, ["3", "5"]);
    assert_eq!(session.run("select count(*) from t where p is null").await, ["3"]);
    session.run("insert overwrite table t partition (p = 'a/b') values (30)").await;
    assert_eq!(session.run("select a from t where p = 'a/b'").await, ["30"]);
}

#[tokio::test]
async fn an_overwrite_may_read_what_it_replaces() {
    let place = Place::new();
    let mut session = place.open().await;
    session.run_all(&["create table t (a int)", "insert into t values (1), (2)"]).await;
    session.run("insert overwrite table t select l.a + r.a from t l join t r on l.a = r.a").await;
    assert_eq!(session.run("select * from t order by a").await, ["2", "4"]);
    assert_eq!(place.files("t").len(), 1);
}

#[tokio::test]
async fn an_overwrite_of_what_it_reads_loses_no_row_that_comes_meanwhile() {
    let place = Place::new();
    let (mut one, mut two) = (place.open().await, place.open().await);
    one.run_all(&["create table t (a int)", "insert into t values (1)"]).await;
    for round in 0..5 {
        let before = one.run("select count(*) from t").await[0].parse::<i64>().unwrap();
        let (overwritten, inserted) = futures::join!(
            one.try_run("insert overwrite table t select a from t"),
            two.try_run("insert into t values (2)")
        );
        inserted.unwrap();
        if let Err(error) = overwritten {
            assert!(error.contains("run it again"), "{error}");
        }
        assert_eq!(one.run("select count(*) from t").await, [(before + 1).to_string()], "round {round}");
    }
}

#[tokio::test]
async fn files_are_bucketed_sorted_and_compressed_as_the_table_says() {
    let place = Place::new();
    let mut session = place.open().await;
    session
        .run_all(&[
            "set hive.exec.compress.output=true",
            "set mapreduce.output.fileoutputformat.compress.codec=org.apache.hadoop.io.compress.GzipCodec",
            "create table t (a int, b int) clustered by (a) sorted by (b) into 4 buckets",
            "insert into t select posexplode(split('9,8,7,6,5,4,3,2,1,0', ',')) as (a, b)",
        ])
        .await;
    let files = place.files("t");
    assert!(!files.is_empty() && files.iter().all(|file| file.ends_with(".gz")), "{files:?}");
    assert_eq!(session.run("select count(*), sum(a), sum(b) from t").await, ["10 45 45"]);
    for file in session.run("select distinct input__file__name from t").await {
        let rows = session.run(&format!("select b from t where input__file__name = '{file}'")).await;
        assert!(rows.is_sorted(), "{rows:?}");
    }
}

#[tokio::test]
async fn a_multi_insert_writes_all_of_its_tables_or_none() {
    let place = Place::new();
    let mut session = place.open().await;
    session
        .run_all(&[
            "create table s as select 1 as a union all select 0",
            "create table one (a int)",
            "create table two (a int not null)",
        ])
        .await;
    let failing = "from s insert into one select a insert into two select if(a = 0, null, a)";
    assert!(session.fails(failing).await.contains("constraint violated"));
    assert_eq!(session.run("select count(*) from one").await, ["0"]);
    assert_eq!(place.files("one").len() + place.files("two").len(), 0);
    session.run("from s insert into one select a insert into two select a where a > 0").await;
    assert_eq!(session.run("select count(*) from one").await, ["2"]);
    assert_eq!(session.run("select count(*) from two").await, ["1"]);
}

#[tokio::test]
async fn a_multi_insert_reads_its_source_once() {
    let place = Place::new();
    let mut session = place.open().await;
    let (runs, directory) = (place.beside("runs"), place.beside("directory"));
    session
        .run_all(&[
            "create table s as select 1 as a, 'x' as b union all select 2, 'y' union all select 2, 'z'",
            "create table one (a int, b string)",
            "create table two (a int, n bigint)",
            "create table three (b string) partitioned by (a int)",
        ])
        .await;
    session
        .run(&format!(
            "from (select transform (a, b) using 'sh -c \"echo run >> {runs}; cat\"' as (a int, b string) from s) t \
             insert into one select a, b where a > 1 \
             insert overwrite table two select a, count(*) group by a \
             insert into three partition (a) select b, a order by b desc limit 2 \
             insert overwrite local directory '{directory}' select b where a = 1"
        ))
        .await;
    assert_eq!(std::fs::read_to_string(&runs).unwrap().lines().count(), 1);
    assert_eq!(session.run("select * from one order by b").await, ["2 y", "2 z"]);
    assert_eq!(session.run("select * from two order by a").await, ["1 1", "2 2"]);
    assert_eq!(session.run("select * from three order by b").await, ["y 2", "z 2"]);
    let written = std::fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path());
    let written = written.filter(|path| path.is_file());
    let text: String = written.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert_eq!(text, "x\n");
}

#[tokio::test]
async fn a_multi_insert_opens_only_the_partitions_that_its_branches_read() {
    let place = Place::new();
    let mut session = place.open().await;
    session
        .run_all(&[
            "create table s (a int) partitioned by (p int)",
            "insert into s values (1, 1), (2, 2), (3, 3)",
            "create table one (a int)",
            "create table two (n bigint)",
        ])
        .await;
    let insert = "from s insert into one select a where p = 1 insert into two select count(*) where p = 3";
    let plan = session.run(&format!("explain {insert}")).await.join("\n");
    assert!(plan.contains("parts=2") && plan.matches("HiveScanExec").count() == 1, "{plan}");
    session.run(insert).await;
    assert_eq!(session.run("select * from one").await, ["1"]);
    assert_eq!(session.run("select * from two").await, ["1"]);
}

#[tokio::test]
async fn small_files_become_few_before_anybody_sees_them() {
    let place = Place::new();
    let mut session = place.open().await;
    let rows =
        "select 1 as a, 'x' as p union all select 2, 'y' union all select 3, 'x' union all select 4, 'z'";
    session.run(&format!("create table whole as {rows}")).await;
    assert_eq!(place.files("whole").len(), 1);
    assert_eq!(session.run("select a from whole").await, ["1", "2", "3", "4"]);
    session.run(&format!("insert into whole {rows}")).await;
    assert_eq!(place.files("whole").len(), 2);
    session.run("create table parts (a int) partitioned by (p string)").await;
    session.run(&format!("insert overwrite table parts {rows}")).await;
    let folders = |files: Vec<String>| -> Vec<String> {
        files.iter().map(|file| file.split('/').next().unwrap().to_owned()).collect()
    };
    assert_eq!(folders(place.files("parts")), ["p=x", "p=y", "p=z"]);
    assert_eq!(session.run("select a from parts where p = 'x'").await, ["1", "3"]);
    session.run(&format!("insert overwrite table parts partition (p = 'x') select a from ({rows}) t")).await;
    assert_eq!(folders(place.files("parts")), ["p=x", "p=y", "p=z"]);
    assert_eq!(session.run("select a, p from parts").await, ["1 x", "2 x", "3 x", "4 x", "2 y", "4 z"]);
}

#[tokio::test]
async fn files_stay_as_they_are_where_settings_or_the_table_say_so() {
    let place = Place::new();
    let mut session = place.open().await;
    let rows = "select 1 as a union all select 2";
    let grouped = "select max(a) as a from (select 1 as a) t union all select max(a) from (select 2 as a) t";
    session.run("set hive.merge.mapfiles=false").await;
    session.run(&format!("create table one as {rows}")).await;
    session.run("set hive.merge.mapfiles=true").await;
    session.run(&format!("create table two as {grouped}")).await;
    session.run("set hive.merge.smallfiles.avgsize=1").await;
    session.run(&format!("create table three as {rows}")).await;
    session.run("set hive.merge.smallfiles.avgsize=16000000").await;
    session.run("create table four (a int) clustered by (a) into 2 buckets").await;
    session.run(&format!("insert into four {rows}")).await;
    session.run("set hive.merge.mapredfiles=true").await;
    session.run(&format!("create table five as {grouped}")).await;
    let counts: Vec<usize> =
        ["one", "two", "three", "four", "five"].iter().map(|table| place.files(table).len()).collect();
    assert_eq!(counts, [2, 2, 2, 2, 1]);
}

#[tokio::test]
async fn rows_of_many_partitions_are_written_within_little_memory() {
    let place = Place::new();
    let mut session = place.open_with(8 << 20).await;
    session
        .run_all(&[
            "create table numbers as select posexplode(split(repeat(',', 299), ',')) as (n, empty)",
            "create table t (a int, b string) partitioned by (p int) stored as parquet",
            "insert into t select l.n * 300 + r.n, repeat('some text', 20), r.n from numbers l cross join numbers r",
        ])
        .await;
    assert_eq!(place.files("t").len(), 300);
    assert_eq!(
        session.run("select count(*), count(distinct p), sum(a) from t").await,
        ["90000 300 4049955000"]
    );
    assert_eq!(session.run("select count(*), min(a), max(a) from t where p = 299").await, ["300 299 89999"]);
}
