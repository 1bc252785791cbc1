//! What queries mean where Hive goes ways of its own.

use super::Hive;

async fn people() -> Hive {
    let mut hive = Hive::new().await;
    hive.table("p (name STRING, age INT)", &["ann 30", "bob 20", "cid 20", r"dan \N"]).await;
    hive
}

#[tokio::test]
async fn set_operations_are_taken_from_the_left() {
    let mut hive = people().await;
    let query = "SELECT age FROM p UNION ALL SELECT age FROM p INTERSECT SELECT 20";
    assert_eq!(hive.lines(query).await, ["20"]);
}

#[tokio::test]
async fn an_order_binds_more_than_an_equality() {
    let mut hive = Hive::new().await;
    assert_eq!(hive.lines("SELECT false = false IN (true, false), true = 1 < 2").await, ["false\ttrue"]);
}

#[tokio::test]
async fn a_cte_may_name_one_that_comes_later() {
    let mut hive = people().await;
    let query = "WITH a AS (SELECT name FROM b), b AS (SELECT name FROM p WHERE age = 30) SELECT * FROM a";
    assert_eq!(hive.lines(query).await, ["ann"]);
}

#[tokio::test]
async fn in_as_a_value_is_null_where_it_cannot_be_known() {
    let mut hive = people().await;
    let query = "SELECT name, age IN (1, 2) AND age IN (3, 4) FROM p WHERE name IN ('ann', 'dan')";
    assert_eq!(hive.sorted(query).await, ["ann\tfalse", "dan\tNULL"]);
    let query = "SELECT name, age IN (SELECT age FROM p WHERE name <> 'ann') FROM p";
    assert_eq!(hive.sorted(query).await, ["ann\tNULL", "bob\ttrue", "cid\ttrue", "dan\tNULL"]);
}

#[tokio::test]
async fn all_and_any_of_a_query_are_values_too() {
    let mut hive = people().await;
    let query =
        "SELECT name, age >= ALL (SELECT age FROM p WHERE age > 0), age > ANY (SELECT age FROM p) FROM p";
    let rows = ["ann\ttrue\ttrue", "bob\tfalse\tNULL", "cid\tfalse\tNULL", "dan\tNULL\tNULL"];
    assert_eq!(hive.sorted(query).await, rows);
    assert_eq!(hive.lines("SELECT exists (SELECT 1 FROM p WHERE age > 99)").await, ["false"]);
}

#[tokio::test]
async fn not_in_of_a_correlated_query_finds_rows_without_a_partner() {
    let mut hive = people().await;
    let query =
        "SELECT name FROM p a WHERE name NOT IN (SELECT name FROM p b WHERE b.age = a.age AND b.age = 20)";
    assert_eq!(hive.sorted(query).await, ["ann", "dan"]);
}

#[tokio::test]
async fn a_query_in_having_may_name_aggregates_of_the_query_around() {
    let mut hive = people().await;
    let query = "SELECT age, max(name) FROM p a GROUP BY age HAVING EXISTS \
                 (SELECT 1 FROM p b WHERE b.age = 20 AND b.name = max(a.name))";
    assert_eq!(hive.lines(query).await, ["20\tcid"]);
}

#[tokio::test]
async fn aggregates_over_everything_exist_even_over_nothing() {
    let mut hive = people().await;
    let query = "SELECT count(*) FROM p a WHERE EXISTS (SELECT sum(age) FROM p b WHERE b.name = 'x')";
    assert_eq!(hive.lines(query).await, ["4"]);
}

#[tokio::test]
async fn distinct_over_a_key_of_a_grouping_set_sees_the_key_as_the_set_has_it() {
    let mut hive = people().await;
    let query = "SELECT grouping(age), count(DISTINCT age) FROM p GROUP BY age WITH ROLLUP";
    assert_eq!(hive.sorted(query).await, ["0\t0", "0\t1", "0\t1", "1\t0"]);
    let query = "SELECT age, name, count(*) FROM p GROUP BY age, name GROUPING SETS ((), (age), (age))";
    assert_eq!(hive.sorted(query).await, ["20\tNULL\t2", "30\tNULL\t1", "NULL\tNULL\t1", "NULL\tNULL\t4"]);
}

#[tokio::test]
async fn lead_and_lag_in_a_window_function_look_through_its_window() {
    let mut hive = people().await;
    let query = "SELECT name, sum(lag(age, 1, 0)) OVER (ORDER BY name ROWS UNBOUNDED PRECEDING) FROM p";
    assert_eq!(hive.sorted(query).await, ["ann\t0", "bob\t30", "cid\t50", "dan\t70"]);
}

#[tokio::test]
async fn a_limit_takes_the_first_rows_whatever_sorts_them_later() {
    let mut hive = people().await;
    assert_eq!(hive.lines("SELECT name FROM (SELECT * FROM p LIMIT 2) t ORDER BY age").await, ["bob", "ann"]);
    let union = "SELECT name FROM (SELECT name FROM p UNION ALL SELECT upper(name) FROM p) t LIMIT 5";
    assert_eq!(hive.lines(union).await, ["ann", "bob", "cid", "dan", "ANN"]);
}

#[tokio::test]
async fn the_default_partition_has_a_name_and_is_null() {
    let mut hive = people().await;
    hive.lines("CREATE TABLE t (a INT) PARTITIONED BY (s STRING, n INT)").await;
    hive.lines("INSERT INTO t PARTITION (s, n) SELECT 1, null, null UNION ALL SELECT 2, 'x', 7").await;
    let default = "1\t__HIVE_DEFAULT_PARTITION__\tNULL";
    assert_eq!(hive.sorted("SELECT * FROM t").await, [default, "2\tx\t7"]);
    assert_eq!(hive.lines("SELECT * FROM t WHERE s IS NULL AND n IS NULL").await, [default]);
    assert_eq!(hive.lines("SELECT a FROM t WHERE s IS NOT NULL").await, ["2"]);
}

#[tokio::test]
async fn partitions_stay_readable_when_the_format_of_the_table_changes() {
    let mut hive = people().await;
    hive.lines("CREATE TABLE f (a INT) PARTITIONED BY (k INT); INSERT INTO f PARTITION (k = 1) VALUES (1)")
        .await;
    hive.lines("ALTER TABLE f SET FILEFORMAT ORC; INSERT INTO f PARTITION (k = 2) VALUES (2)").await;
    assert_eq!(hive.sorted("SELECT * FROM f").await, ["1\t1", "2\t2"]);
}

#[tokio::test]
async fn a_view_means_the_same_tables_in_another_database() {
    let mut hive = people().await;
    hive.lines("CREATE DATABASE d; CREATE VIEW d.v AS SELECT p.name FROM p WHERE age = 30; USE d").await;
    assert_eq!(hive.lines("SELECT * FROM v").await, ["ann"]);
}

#[tokio::test]
async fn values_may_name_their_columns() {
    let mut hive = Hive::new().await;
    let query = "SELECT b, col1 FROM (VALUES (1, 'x' b), (2, 'y')) t";
    assert_eq!(hive.sorted(query).await, ["x\t1", "y\t2"]);
}
