//! TABLESAMPLE and UNIQUEJOIN.

use super::Hive;

#[tokio::test]
async fn buckets_are_disjoint_and_files_of_others_are_not_read() {
    let mut hive = Hive::new().await;
    let rows: Vec<String> = (0..200).map(|row| format!("{row} v{row}")).collect();
    hive.table("t(k int, v string)", &rows.iter().map(String::as_str).collect::<Vec<_>>()).await;
    hive.lines(
        "CREATE TABLE b(k int, v string) CLUSTERED BY (k) INTO 4 BUCKETS; INSERT INTO b SELECT * FROM t; \
         CREATE TABLE old(k int, v string) CLUSTERED BY (k) INTO 4 BUCKETS TBLPROPERTIES('bucketing_version'='1'); \
         INSERT INTO old SELECT * FROM t",
    )
    .await;
    for of in [2, 3, 4, 8] {
        let mut all = 0;
        for bucket in 1..=of {
            let count = |table: &str, on: &str| {
                format!("SELECT count(*), sum(k) FROM {table} TABLESAMPLE(BUCKET {bucket} OUT OF {of}{on}) s")
            };
            let by_table = hive.lines(&count("b", "")).await;
            assert_eq!(by_table, hive.lines(&count("b", " ON k")).await);
            assert_eq!(by_table, hive.lines(&count("t", " ON k")).await, "{bucket} of {of}");
            all += by_table[0].split('\t').next().unwrap().parse::<u32>().unwrap();
            // The old hash of an int is the int.
            let old =
                hive.lines(&format!("SELECT k FROM old TABLESAMPLE(BUCKET {bucket} OUT OF {of})")).await;
            assert!(old.iter().all(|k| k.parse::<u32>().unwrap() % of == bucket - 1) && !old.is_empty());
        }
        assert_eq!(all, 200);
    }
    let plan = hive.lines("EXPLAIN SELECT * FROM b TABLESAMPLE(BUCKET 1 OUT OF 4 ON k)").await.join("\n");
    assert!(plan.contains("splits=1"), "{plan}");
    let plan = hive.lines("EXPLAIN SELECT * FROM b TABLESAMPLE(BUCKET 1 OUT OF 4 ON v)").await.join("\n");
    assert!(plan.contains("splits=4"), "{plan}");
    let error = hive.run("SELECT * FROM t TABLESAMPLE(BUCKET 1 OUT OF 4)").await.unwrap_err();
    assert!(error.contains("Sampling expression needed"), "{error}");
    let random = hive.lines("SELECT count(*) FROM t TABLESAMPLE(BUCKET 1 OUT OF 2 ON rand())").await;
    assert!((40..160).contains(&random[0].parse::<u32>().unwrap()), "{random:?}");
}

#[tokio::test]
async fn sizes_and_rows_cut_the_input() {
    let mut hive = Hive::new().await;
    let rows: Vec<String> = (1000..2000).map(|row| format!("{row} abcd")).collect();
    hive.table("t(k int, v string)", &rows.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for (sample, count) in [
        ("10 PERCENT", "100"),
        ("0.5 PERCENT", "5"),
        ("100 PERCENT", "1000"),
        ("1K", "103"),
        ("50B", "5"),
        ("1G", "1000"),
        ("7 ROWS", "7"),
    ] {
        let found = hive.lines(&format!("SELECT count(*) FROM t TABLESAMPLE({sample}) s")).await;
        assert_eq!(found, [count], "{sample}");
    }
    assert!(hive.run("SELECT * FROM t TABLESAMPLE(101 PERCENT)").await.is_err());
}

#[tokio::test]
async fn a_unique_join_meets_all_tables_by_one_key() {
    let mut hive = Hive::new().await;
    hive.table("a(k string, v int)", &["1 11", "2 12", "8 18", "8 28", "\\N 0"]).await;
    hive.table("b(k string, v int)", &["2 22", "4 14", "8 18", "\\N 0"]).await;
    hive.table("c(k int, v int)", &["2 12", "4 14", "6 16"]).await;
    let join = |tables: &str| format!("FROM UNIQUEJOIN {tables} SELECT a.v, b.v, c.v");
    let all = join("PRESERVE a (a.k), PRESERVE b (b.k), PRESERVE c (c.k)");
    assert_eq!(
        hive.sorted(&all).await,
        [
            "0\tNULL\tNULL",
            "11\tNULL\tNULL",
            "12\t22\t12",
            "18\t18\tNULL",
            "28\t18\tNULL",
            "NULL\t0\tNULL",
            "NULL\t14\t14",
            "NULL\tNULL\t16",
        ]
    );
    assert_eq!(hive.sorted(&join("a (a.k), b (b.k), c (c.k)")).await, ["12\t22\t12"]);
    assert_eq!(
        hive.sorted(&join("a (a.k), b (b.k), PRESERVE c (c.k)")).await,
        ["12\t22\t12", "NULL\t14\t14", "NULL\tNULL\t16"]
    );
    assert_eq!(hive.sorted(&join("a (a.k, a.v), b (b.k, b.v), c (c.k, c.v)")).await, [""; 0]);
    assert_eq!(
        hive.sorted("FROM UNIQUEJOIN PRESERVE a x (x.k, x.v), b (b.k, b.v) SELECT b.v WHERE x.k = 8").await,
        ["18", "NULL"]
    );
    assert!(hive.run(&join("a (a.k), b (b.k, b.v), c (c.k)")).await.is_err());
}
