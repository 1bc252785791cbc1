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
