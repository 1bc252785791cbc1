//! UPDATE, DELETE and MERGE.

use super::place::Place;

const TABLE: &str = "create table t (a int, b string) tblproperties ('transactional'='true')";

#[tokio::test]
async fn updates_see_old_values_and_touch_nothing_else() {
    for format in ["textfile", "orc", "parquet", "avro"] {
        let place = Place::new();
        let mut session = place.open().await;
        let table = format!("create transactional table t (a int, b string) stored as {format}");
        session
            .run_all(&[
                &table,
                "insert into t values (1, 'one'), (2, 'two')",
                "insert into t values (3, null)",
            ])
            .await;
        let before = place.files("t");
        session.run("update t set a = a + 10, b = concat(b, '-', a) where a = 2").await;
        let after = place.files("t");
        let rows = session.run("select * from t order by a").await;
        assert_eq!(rows, ["1 one", "3 NULL", "12 two-2"], "{format}");
        let kept = before.iter().filter(|file| after.contains(file)).count();
        assert_eq!((before.len(), after.len(), kept), (2, 2, 1), "{format}: {before:?} {after:?}");
        assert_eq!(session.shown("t", "numRows").await, "3");
        assert_eq!(session.shown("t", "numFiles").await, "2");
        session.run("delete from t where b is null").await;
        assert_eq!(session.run("select a from t order by a").await, ["1", "12"]);
        assert_eq!(session.shown("t", "numRows").await, "2");
        session.run("update t set b = null").await;
        session.run("delete from t where a > 100").await;
        assert_eq!(session.run("select * from t order by a").await, ["1 NULL", "12 NULL"]);
        session.run("delete from t").await;
        assert_eq!(session.run("select count(*) from t").await, ["0"]);
        assert_eq!(place.files("t"), [""; 0]);
    }
}

#[tokio::test]
async fn rows_stay_in_their_partitions_and_empty_partitions_stay() {
    let place = Place::new();
    let mut session = place.open().await;
    session
        .run_all(&[
            "create table t (a int) partitioned by (p int, q string) tblproperties ('transactional'='true')",
            "insert into t partition (p, q) values (1, 1, 'x/y'), (2, 1, 'x/y'), (3, 2, '100%'), (4, null, null)",
            "update t set a = a * 10 where a in (1, 3, 4)",
        ])
        .await;
    let rows = session.run("select * from t order by a").await;
    assert_eq!(rows, ["2 1 x/y", "10 1 x/y", "30 2 100%", "40 NULL __HIVE_DEFAULT_PARTITION__"]);
    assert_eq!(place.files("t").len(), 3, "{:?}", place.files("t"));
    session.run("delete from t where p = 1 or p is null").await;
    assert_eq!(session.run("select a from t").await, ["30"]);
    assert_eq!(session.run("show partitions t").await.len(), 3);
    assert!(session.fails("update t set p = 1").await.contains("10292"));
}

#[tokio::test]
async fn conditions_and_values_may_ask_queries() {
    let place = Place::new();
    let mut session = place.open().await;
    session
        .run_all(&[
            TABLE,
            "create table s (x int)",
            "insert into t values (1, 'a'), (2, 'b'), (3, 'c'), (null, 'n')",
            "insert into s values (2), (3), (3)",
            "update t set b = 'found' where a in (select x from s)",
        ])
        .await;
    let all = "select * from t order by a";
    assert_eq!(session.run(all).await, ["1 a", "2 found", "3 found", "NULL n"]);
    session.run("delete from t where exists (select 1 from s where s.x = t.a and s.x > 2)").await;
    assert_eq!(session.run(all).await, ["1 a", "2 found", "NULL n"]);
    session.run("update t set a = (select max(x) from s) where a = 2").await;
    assert_eq!(session.run(all).await, ["1 a", "3 found", "NULL n"]);
    session.run("delete from t where a not in (select x from s)").await;
    assert_eq!(session.run(all).await, ["3 found", "NULL n"]);
    session.run("delete from t where a < (select avg(a) + 1 from t)").await;
    assert_eq!(session.run(all).await, ["NULL n"]);
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused_with_hives_numbers() {
    let place = Place::new();
    let mut session = place.open().await;
    session
        .run_all(&[
            "create table plain (a int)",
            "create table t (a int, b int) clustered by (a) into 2 buckets tblproperties ('transactional'='true')",
            "create table added_to (a int) tblproperties ('transactional'='true', 'transactional_properties'='insert_only')",
        ])
        .await;
    for (sql, number) in [
        ("update plain set a = 1", "10297"),
        ("delete from plain", "10297"),
        ("merge into plain using t on plain.a = t.a when matched then delete", "10297"),
        ("delete from added_to", "10414"),
        ("update t set a = 1", "10302"),
        ("update t set c = 1", "10408"),
        (
            "merge into t using plain s on t.a = s.a when matched then delete when matched then update set b = 1",
            "10404",
        ),
    ] {
        let error = session.fails(sql).await;
        assert!(error.contains(number), "{sql}: {error}");
    }
}

#[tokio::test]
async fn merge_updates_deletes_and_inserts_at_once() {
    let place = Place::new();
    let mut session = place.open().await;
    session
        .run_all(&[
            TABLE,
            "create table s (k int, v string, gone boolean)",
            "insert into t values (1, 'a'), (2, 'b'), (3, 'c'), (null, 'n')",
            "insert into t values (9, 'untouched')",
            "insert into s values (1, 'A', false), (2, 'B', true), (4, 'D', false), (null, 'N', false), (5, 'E', true)",
        ])
        .await;
    let before = place.files("t");
    session
        .run(
            "merge into t as target using (select * from s) src on target.a = src.k \
             when matched and src.gone then delete \
             when matched then update set b = concat(target.b, src.v) \
             when not matched and not src.gone then insert values (src.k, src.v)",
        )
        .await;
    let rows = session.run("select * from t order by a, b").await;
    assert_eq!(rows, ["1 aA", "3 c", "4 D", "9 untouched", "NULL N", "NULL n"]);
    assert!(place.files("t").contains(&before[1]) && !place.files("t").contains(&before[0]));
    assert_eq!(session.shown("t", "numRows").await, "6");
    // NULL matches NULL only where the condition says so.
    session.run("merge into t using s on t.a <=> s.k when matched then update set b = 'same'").await;
    let rows = session.run("select * from t where b = 'same' order by a").await;
    assert_eq!(rows, ["1 same", "4 same", "NULL same", "NULL same"]);
}

#[tokio::test]
async fn a_row_that_two_rows_match_is_an_error_unless_it_is_not_looked_at() {
    let place = Place::new();
    let mut session = place.open().await;
    session
        .run_all(&[
            TABLE,
            "create table s (k int)",
            "insert into t values (1, 'a')",
            "insert into s values (1), (1), (2)",
        ])
        .await;
    let merge = "merge into t using s on t.a = s.k when matched then update set b = 'x'";
    assert!(session.fails(merge).await.contains("Cardinality Violation"));
    assert_eq!(session.run("select * from t").await, ["1 a"]);
    // Without a branch for what matches, nothing can be ambiguous.
    session.run("merge into t using s on t.a = s.k when not matched then insert (a) values (s.k)").await;
    assert_eq!(session.run("select * from t order by a").await, ["1 a", "2 NULL"]);
    session.run("set hive.merge.cardinality.check=false").await;
    session.run(merge).await;
    assert_eq!(session.run("select b, count(*) from t where a = 1 group by b").await, ["x 2"]);
}

#[tokio::test]
async fn constraints_hold_for_changed_rows_and_defaults_are_known() {
    let place = Place::new();
    let mut session = place.open().await;
    session
        .run_all(&[
            "create table t (a int not null, b string default 'd', c int check (c > 0)) tblproperties ('transactional'='true')",
            "insert into t (a, c) values (1, 1), (2, 2)",
        ])
        .await;
    for sql in
        ["update t set a = null where a = 1", "update t set c = c - 1", "update t set c = -a where a = 2"]
    {
        assert!(session.fails(sql).await.contains("constraint violated"), "{sql}");
    }
    session.run("update t set c = null, b = 'x' where a = 1").await;
    session.run("update t set b = default where a = 1").await;
    session.run("create table s as select 5 as k").await;
    session.run("merge into t using s on t.a = s.k when not matched then insert (a, c) values (k, 1)").await;
    let merge =
        "merge into t using s on t.a = s.k + 1 when not matched then insert values (null, default, 1)";
    assert!(session.fails(merge).await.contains("constraint violated"));
    assert_eq!(session.run("select * from t order by a").await, ["1 d NULL", "2 d 2", "5 d 1"]);
}

#[tokio::test]
async fn buckets_and_sorted_files_stay_what_they_are() {
    let place = Place::new();
    let mut session = place.open().await;
    session
        .run_all(&[
            "create table t (a int, b int) clustered by (a) sorted by (b desc) into 3 buckets stored as orc \
             tblproperties ('transactional'='true')",
            "insert into t select posexplode(split('0,1,2,3,4,5,6,7,8,9,10,11', ',')) as (a, b)",
            "update t set b = 100 - b where a % 2 = 0",
        ])
        .await;
    let sampled = "select count(*) from t tablesample (bucket 1 out of 3 on a)";
    let bucket = session.run("select a from t where pmod(hash(a), 3) = 0").await.len();
    assert_eq!(session.run("select count(*), sum(b) from t").await, ["12 606"]);
    assert!(session.run(sampled).await[0].parse::<usize>().is_ok() && bucket > 0);
    let files = session.run("select distinct input__file__name from t").await;
    assert_eq!(files.len(), place.files("t").len());
    for file in files {
        let sql = format!("select b from t where input__file__name = '{file}'");
        let found: Vec<i32> = session.run(&sql).await.iter().map(|b| b.parse().unwrap()).collect();
        assert!(found.is_sorted_by(|left, right| left >= right), "{found:?}");
    }
}

#[tokio::test]
async fn of_two_changes_of_one_file_the_first_to_commit_wins() {
    let place = Place::new();
    let (mut one, mut two) = (place.open().await, place.open().await);
    one.run_all(&[TABLE, "insert into t values (1, 'a'), (2, 'b')"]).await;
    // Both have read when the first commits.
    let (left, right) = futures::join!(
        one.try_run("update t set b = 'one' where a = 1"),
        two.try_run("update t set b = 'two' where a = 2")
    );
    let rows = one.run("select b from t order by a").await;
    match (left, right) {
        (Ok(_), Err(error)) => {
            assert!(error.contains("rows of table default.t were changed by tester"), "{error}");
            assert_eq!(rows, ["one", "b"]);
        }
        (Err(error), Ok(_)) => {
            assert!(error.contains("rows of table default.t were changed by tester"), "{error}");
            assert_eq!(rows, ["a", "two"]);
        }
        // They did not meet.
        (Ok(_), Ok(_)) => assert_eq!(rows, ["one", "two"]),
        both => panic!("{both:?}"),
    }
    two.run("update t set b = 'again' where a = 2").await;
    assert_eq!(one.run("select b from t where a = 2").await, ["again"]);
    assert_eq!(place.files("t").len(), 1);
}

#[tokio::test]
async fn inserts_and_overwrites_beside_a_change_lose_nothing() {
    let place = Place::new();
    let (mut one, mut two) = (place.open().await, place.open().await);
    one.run_all(&[TABLE, "insert into t values (1, 'a')"]).await;
    let (changed, inserted) = futures::join!(
        one.try_run("update t set b = 'changed' where a = 1"),
        two.try_run("insert into t values (2, 'new')")
    );
    changed.unwrap();
    inserted.unwrap();
    assert_eq!(one.run("select * from t order by a").await, ["1 changed", "2 new"]);
    let (changed, overwritten) = futures::join!(
        one.try_run("update t set b = 'x'"),
        two.try_run("insert overwrite table t select a + 10, b from t")
    );
    let rows = one.run("select * from t order by a").await;
    match (changed.is_ok(), overwritten.is_ok()) {
        (true, false) => assert_eq!(rows, ["1 x", "2 x"]),
        (false, true) => assert_eq!(rows, ["11 changed", "12 new"]),
        _ => assert!(rows == ["11 x", "12 x"] || rows == ["1 x", "2 x"], "{rows:?}"),
    }
}
