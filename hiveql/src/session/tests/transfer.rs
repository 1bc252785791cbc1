//! EXPORT, IMPORT, LIKE FILE, CONCATENATE, COMPACT and TRUNCATE of columns.

use super::place::Place;

#[tokio::test]
async fn an_exported_table_comes_back_with_its_partitions_and_buckets() {
    let place = Place::new();
    let mut session = place.open().await;
    session
        .run_all(&[
            "create table t (a int, b string) partitioned by (p int, q string) clustered by (a) into 2 buckets stored as orc",
            "insert into t partition (p, q) values (1, 'one', 1, 'x/y'), (2, 'two', 1, 'x/y'), (3, null, 2, null)",
            "insert into t partition (p, q) values (4, 'four', 1, 'x/y')",
        ])
        .await;
    let path = place.beside("exported");
    session.run(&format!("export table t to '{path}'")).await;
    assert!(session.fails(&format!("export table t to '{path}'")).await.contains("not an empty directory"));
    session.run(&format!("import table copy from '{path}'")).await;
    let rows = session.run("select * from t order by a").await;
    assert_eq!(session.run("select * from copy order by a").await, rows);
    assert_eq!(session.run("show partitions copy").await, session.run("show partitions t").await);
    let created = session.run("show create table copy").await.join("\n");
    assert!(created.contains("INTO 2 BUCKETS"), "{created}");
    // What is there already is not added to, other tables' rows are not mixed in.
    assert!(session.fails(&format!("import table copy from '{path}'")).await.contains("10118"));
    session.run("create table other (a int) partitioned by (p int, q string)").await;
    assert!(session.fails(&format!("import table other from '{path}'")).await.contains("10120"));
    assert!(session.fails(&format!("import from '{}'", place.beside("nothing"))).await.contains("10027"));
    // One partition only, to a place of its own.
    let location = place.beside("placed");
    session
        .run(&format!("import table part partition (p=1, q='x/y') from '{path}' location '{location}'"))
        .await;
    assert_eq!(session.run("select a from part order by a").await, ["1", "2", "4"]);
    assert!(!std::fs::read_dir(&location).unwrap().next().unwrap().unwrap().path().is_dir());
    let partly = session.fails(&format!("import table copy2 partition (p=2) from '{path}'")).await;
    assert!(partly.contains("Specified partition not found in import directory"), "{partly}");
    let whole = "partition (p=2, q='__HIVE_DEFAULT_PARTITION__')";
    session.run(&format!("import table copy2 {whole} from '{path}'")).await;
    assert_eq!(session.run("select a from copy2").await, ["3"]);
    session.run("insert into copy partition (p, q) values (9, 'nine', 1, 'x/y')").await;
    assert_eq!(session.run("select count(*) from copy").await, ["5"]);
}

#[tokio::test]
async fn an_import_makes_a_table_adds_to_an_empty_one_or_takes_the_files_in_place() {
    let place = Place::new();
    let mut session = place.open().await;
    session
        .run_all(&[
            "create table t (a int) stored as parquet",
            "insert into t values (1)",
            "insert into t values (2)",
        ])
        .await;
    let path = place.beside("exported");
    session.run(&format!("export table t to '{path}'")).await;
    session.run("create database d").await;
    session.run("use d").await;
    session.run(&format!("import from '{path}'")).await;
    assert_eq!(session.run("select * from d.t order by a").await, ["1", "2"]);
    assert_eq!(session.shown("d.t", "numRows").await, "2");
    assert!(session.fails(&format!("import from '{path}'")).await.contains("10119"));
    session.run("truncate table t").await;
    session.run(&format!("import from '{path}'")).await;
    assert_eq!(session.run("select count(*) from t").await, ["2"]);
    session.run(&format!("import external table e from '{path}'")).await;
    assert_eq!(session.run("select * from e order by a").await, ["1", "2"]);
    session.run("drop table e").await;
    session
        .run(&format!("import external table e from '{path}' location '{}'", place.beside("copied")))
        .await;
    assert_eq!(session.run("select count(*) from e").await, ["2"]);
}

#[tokio::test]
async fn a_table_like_a_file_has_its_columns() {
    let place = Place::new();
    let mut session = place.open().await;
    for format in ["parquet", "orc", "avro"] {
        let location = place.beside(format);
        session
            .run_all(&[
                &format!(
                    "create external table f_{format} (a int, b string, c double) stored as {format} location '{location}'"
                ),
                &format!("insert into f_{format} values (1, 'x', 1.5)"),
                &format!("create table like_{format} like file {format} '{location}/000000_0'"),
            ])
            .await;
        let lines = session.run(&format!("describe like_{format}")).await;
        let types: Vec<&str> = lines.iter().filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(types, ["int", "string", "double"], "{format}");
    }
    let missing = session.fails("create table x like file parquet '/no/such/file'").await;
    assert!(missing.contains("/no/such/file"), "{missing}");
}

#[tokio::test]
async fn small_files_are_merged_in_their_order() {
    let place = Place::new();
    let mut session = place.open().await;
    session.run("create table t (a int) partitioned by (p int) stored as rcfile").await;
    for value in [3, 1, 2] {
        session.run(&format!("insert into t partition (p=1) values ({value})")).await;
    }
    session.run("insert into t partition (p=2) values (7)").await;
    session.run("alter table t partition (p=1) concatenate").await;
    assert_eq!(place.files("t/p=1").len(), 1);
    assert_eq!(session.run("select a from t where p = 1").await, ["3", "1", "2"]);
    assert!(session.fails("alter table t compact 'major'").await.contains("non-ACID"));
    session.run("truncate table t partition (p=1) columns (a)").await;
    assert_eq!(session.run("select a, p from t order by p").await, ["NULL 1", "NULL 1", "NULL 1", "7 2"]);
    session
        .run_all(&[
            "create transactional table c (a int)",
            "insert into c values (1)",
            "insert into c values (2)",
            "delete from c where a = 1",
            "insert into c values (3)",
            "alter table c compact 'minor'",
        ])
        .await;
    assert_eq!(session.run("select a from c").await, ["2", "3"]);
    assert_eq!(place.files("c").len(), 1);
    assert!(session.fails("truncate table c columns (a)").await.contains("10237"));
}
