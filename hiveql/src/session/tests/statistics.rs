//! What DESCRIBE says of a table's files and rows after each kind of write.

use super::place::{Place, Runner};

/// `numFiles`, `numRows` and whether these are true.
async fn basic(session: &mut Runner, what: &str) -> String {
    let lines = session.run(&format!("describe formatted {what}")).await;
    let value = |key: &str| {
        let line = lines.iter().find_map(|line| line.trim_start().strip_prefix(key));
        line.map(|value| value.trim().to_owned()).unwrap_or_default()
    };
    let accurate = if value("COLUMN_STATS_ACCURATE").contains("BASIC_STATS") { "true" } else { "unknown" };
    let bytes: u64 = value("totalSize").parse().unwrap();
    let is_empty = if bytes == 0 { ", empty" } else { "" };
    format!("{} files, {} rows, {accurate}{is_empty}", value("numFiles"), value("numRows"))
}

async fn column(session: &mut Runner, what: &str) -> String {
    let lines = session.run(&format!("describe formatted {what}")).await;
    let keys = [
        "min",
        "max",
        "num_nulls",
        "distinct_count",
        "avg_col_len",
        "max_col_len",
        "num_trues",
        "num_falses",
    ];
    let value = |key: &&str| {
        let line = lines.iter().find_map(|line| line.strip_prefix(*key))?.trim().to_owned();
        (!line.is_empty()).then(|| format!("{key}={line}"))
    };
    keys.iter().filter_map(value).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn rows_and_files_are_counted_by_every_kind_of_write() {
    let place = Place::new();
    let mut session = place.open().await;
    let file = place.beside("rows.txt");
    std::fs::write(&file, "7\n8\n").unwrap();
    let steps = [
        ("create table t (a int)", "0 files, 0 rows, true, empty"),
        ("insert into t values (1), (2), (3)", "1 files, 3 rows, true"),
        ("insert into t select 4", "2 files, 4 rows, true"),
        ("insert overwrite table t select a from t where a > 1", "1 files, 3 rows, true"),
        ("truncate table t", "0 files, 0 rows, true, empty"),
        ("insert into t values (1)", "1 files, 1 rows, true"),
    ];
    for (statement, expected) in steps {
        session.run(statement).await;
        assert_eq!(basic(&mut session, "t").await, expected, "{statement}");
    }
    session.run(&format!("load data local inpath '{file}' into table t")).await;
    assert_eq!(basic(&mut session, "t").await, "2 files, 1 rows, unknown");
    session.run("insert overwrite table t select a from t").await;
    assert_eq!(basic(&mut session, "t").await, "1 files, 3 rows, true");
    session.run(&format!("load data local inpath '{file}' overwrite into table t")).await;
    assert_eq!(basic(&mut session, "t").await, "1 files, 0 rows, unknown");
    session.run("create table made as select a from t").await;
    assert_eq!(basic(&mut session, "made").await, "1 files, 2 rows, true");
    let export = place.beside("export");
    session.run(&format!("export table made to '{export}'")).await;
    session.run(&format!("import table taken from '{export}'")).await;
    assert_eq!(basic(&mut session, "taken").await, "1 files, 2 rows, true");
}

#[tokio::test]
async fn rows_of_partitions_are_counted_also_when_they_change() {
    let place = Place::new();
    let mut session = place.open().await;
    session
        .run_all(&[
            "create table t (a int, b string) partitioned by (p string) tblproperties ('transactional' = 'true')",
            "insert into t values (1, 'x', 'one'), (2, 'y', 'one'), (3, 'z', 'two')",
        ])
        .await;
    let steps = [
        ("update t set b = 'u' where a = 1", "1 files, 2 rows, true", "1 files, 1 rows, true"),
        ("delete from t where a = 3", "1 files, 2 rows, true", "0 files, 0 rows, true, empty"),
        (
            "merge into t using (select 1 as k union all select 9) s on t.a = s.k when matched then delete \
             when not matched then insert values (s.k, 'new', 'two')",
            "1 files, 1 rows, true",
            "1 files, 1 rows, true",
        ),
        (
            "insert into t partition (p = 'one') values (5, 'v')",
            "2 files, 2 rows, true",
            "1 files, 1 rows, true",
        ),
        (
            "alter table t partition (p = 'one') compact 'major'",
            "1 files, 2 rows, true",
            "1 files, 1 rows, true",
        ),
        ("truncate table t partition (p = 'one')", "0 files, 0 rows, true, empty", "1 files, 1 rows, true"),
    ];
    for (statement, one, two) in steps {
        session.run(statement).await;
        assert_eq!(basic(&mut session, "t partition (p = 'one')").await, one, "{statement}");
        assert_eq!(basic(&mut session, "t partition (p = 'two')").await, two, "{statement}");
    }
}

#[tokio::test]
async fn an_insert_counts_columns_as_analyze_does() {
    let place = Place::new();
    let mut session = place.open().await;
    let rows = "select 1 as i, 1.5D as d, 'ab' as s, true as b, date '2024-01-02' as t, cast(2.50 as decimal(5,2)) as n \
                union all select 3, -2.5D, 'größe', false, date '2023-01-02', null union all select 3, null, null, null, null, 7";
    session.run(&format!("create table t stored as parquet as {rows}")).await;
    let names = ["i", "d", "s", "b", "t", "n"];
    let mut counted = Vec::new();
    for name in names {
        counted.push(column(&mut session, &format!("t {name}")).await);
    }
    session.run("analyze table t compute statistics for columns").await;
    for (name, counted) in names.iter().zip(&counted) {
        assert_eq!(column(&mut session, &format!("t {name}")).await, *counted, "{name}");
    }
    assert_eq!(counted[0], "min=1 max=3 num_nulls=0 distinct_count=2");
    assert_eq!(counted[2], "num_nulls=1 distinct_count=2 avg_col_len=3.5 max_col_len=5");
    session.run("insert into t (i, s) values (10, 'x'), (11, 'y')").await;
    assert_eq!(column(&mut session, "t i").await, "min=1 max=11 num_nulls=0 distinct_count=4");
    assert_eq!(column(&mut session, "t b").await, "num_nulls=3 num_trues=1 num_falses=1");
    session.run("set hive.stats.column.autogather=false").await;
    session.run("insert into t (i) values (12)").await;
    assert_eq!(column(&mut session, "t i").await, "");
    assert_eq!(basic(&mut session, "t").await, "3 files, 6 rows, true");
}
