//! TRANSFORM, MAP, REDUCE, and what brings rows to reducers.

use super::Hive;

const ROWS: &[&str] = &["3 c", "1 a", "2 \\N", "1 b", "10 d"];

async fn hive() -> Hive {
    let mut hive = Hive::new().await;
    hive.table("t(k int, v string)", ROWS).await;
    hive
}

#[tokio::test]
async fn a_script_gets_tabs_and_gives_strings() {
    let mut hive = hive().await;
    let query = "SELECT TRANSFORM(k, v, 1 + 2) USING 'cat' AS (a, b, c) FROM t WHERE k < 3";
    assert_eq!(hive.lines(query).await, ["1\ta\t3", "2\tNULL\t3", "1\tb\t3"]);
    let query = "SELECT TRANSFORM(*) USING 'cat' AS (a int, b varchar(1)) FROM t ORDER BY a DESC LIMIT 2";
    assert_eq!(hive.lines(query).await, ["10\td", "3\tc"]);
    let query = "SELECT value, key FROM (FROM t SELECT TRANSFORM(k, v, v) USING 'cat' CLUSTER BY key) x";
    assert_eq!(
        hive.lines(query).await,
        ["a\ta\t1", "b\tb\t1", "d\td\t10", "NULL\t2", "c\tc\t3"].map(|line| line.replace("NULL", "\\N\t\\N"))
    );
    let query = "SELECT TRANSFORM(k) USING 'tr 0-9 x' FROM t WHERE k = 10";
    assert_eq!(hive.lines(query).await, ["xx\tNULL"]);
}

#[tokio::test]
async fn groups_go_through_map_and_reduce() {
    let mut hive = hive().await;
    let count = "FROM (FROM t MAP k, v USING 'cat' AS (k int, v) DISTRIBUTE BY k SORT BY k DESC, v) m \
                 REDUCE m.k, m.v USING 'awk {n[$1]++}END{for(k\\040in\\040n)print(k,n[k])}' AS (line)";
    // A blank would end the word: awk gets none.
    let count = count.replace("\\040in\\040n", "\\tin\\tn");
    assert_eq!(hive.sorted(&count).await, ["1 2", "10 1", "2 1", "3 1"]);
    let query =
        "SELECT TRANSFORM(k, count(*)) USING 'cat' AS (k int, n bigint) FROM t GROUP BY k HAVING k < 4";
    assert_eq!(hive.sorted(query).await, ["1\t2", "2\t1", "3\t1"]);
}

#[tokio::test]
async fn row_formats_hold_in_both_directions() {
    let mut hive = hive().await;
    let query = "SELECT TRANSFORM(k, v, array(k, k)) \
                 ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' COLLECTION ITEMS TERMINATED BY ';' NULL DEFINED AS '-' \
                 USING 'tr , :' AS (k int, v string, a array<int>) \
                 ROW FORMAT DELIMITED FIELDS TERMINATED BY ':' COLLECTION ITEMS TERMINATED BY ';' NULL DEFINED AS 'a' \
                 FROM t WHERE k < 3";
    assert_eq!(hive.lines(query).await, ["1\tNULL\t[1,1]", "2\t-\t[2,2]", "1\tb\t[1,1]"]);
    let query = "SELECT TRANSFORM(k, v) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.JsonSerDe' \
                 USING 'cat' AS (line) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\001' FROM t WHERE k = 3";
    assert_eq!(hive.lines(query).await, [r#"{"k":3,"v":"c"}"#]);
    let escaped = "SET hive.transform.escape.input=true; \
                   SELECT TRANSFORM('a\\tb\\nc') USING 'cat' AS (x) FROM t LIMIT 1";
    assert_eq!(hive.lines(escaped).await, ["a\tb\nc"]);
}

#[tokio::test]
async fn added_files_settings_and_errors_reach_the_script() {
    let mut hive = hive().await;
    let script = hive.file("upper.sh", "#!/bin/sh\ntr a-z A-Z | sed \"s/$/$my_setting/\"\n");
    let add = format!("ADD FILE {}; SET my.setting=!", script.display());
    hive.lines(&add).await;
    let query = "SELECT TRANSFORM(v) USING 'upper.sh' AS (v) FROM t WHERE v > 'b'";
    assert_eq!(hive.lines(query).await, ["C!", "D!"]);
    let error =
        hive.run("SELECT TRANSFORM(v) USING 'sh -c \"echo why >&2; exit 3\"' FROM t").await.unwrap_err();
    for part in ["[Error 20003]", "exit status: 3", "why"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    let error = hive.run("SELECT TRANSFORM(v) RECORDWRITER 'x.TypedBytes' USING 'cat' FROM t").await;
    assert!(error.unwrap_err().contains("TypedBytes"));
}

#[tokio::test]
async fn operators_have_names_of_their_own() {
    let mut hive = hive().await;
    let one = "SELECT TRANSFORM('echo $HIVE_SCRIPT_OPERATOR_ID') USING 'sh' AS id FROM t";
    let query = format!(
        "SELECT count(*) FROM (SELECT * FROM ({one}) a UNION ALL SELECT * FROM ({one}) b) x GROUP BY id"
    );
    assert_eq!(hive.lines(&query).await, ["5", "5"]);
}

#[tokio::test]
async fn sort_by_sorts_all_of_one_reducer_and_each_of_several() {
    let mut hive = hive().await;
    assert_eq!(hive.lines("SELECT v FROM t SORT BY k DESC, v DESC").await, ["d", "c", "NULL", "b", "a"]);
    assert_eq!(hive.lines("SELECT k, v FROM t CLUSTER BY (k, v) LIMIT 2").await, ["1\ta", "1\tb"]);
    let several = "SET mapreduce.job.reduces=3; SELECT k, v FROM t DISTRIBUTE BY k SORT BY k, v";
    let lines = hive.lines(several).await;
    let ones: Vec<usize> = (0..5).filter(|row| lines[*row].starts_with("1\t")).collect();
    assert_eq!((lines.len(), ones[1] - ones[0]), (5, 1), "{lines:?}");
    let error = hive.run("SELECT k FROM t ORDER BY k SORT BY k").await.unwrap_err();
    assert!(error.contains("Cannot have both ORDER BY and SORT BY clauses"), "{error}");
}

#[tokio::test]
async fn each_reducer_runs_a_script_of_its_own_over_sorted_rows() {
    let mut hive = Hive::with_partitions(4).await;
    let rows: Vec<String> = (0..1000).map(|row| format!("{} {row}", row % 50)).collect();
    hive.table("t(k int, v int)", &rows.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let query = "SET mapreduce.job.reduces=4; \
                 FROM (SELECT k, v FROM t DISTRIBUTE BY k SORT BY k, v DESC) x REDUCE k, v USING 'uniq -w 2' AS (k int, v int)";
    let lines = hive.sorted(query).await;
    let expected = (0..50).map(|k| format!("{k}\t{}", 950 + k));
    // `uniq -w 2` takes a digit and its tab as one.
    let mut expected: Vec<String> = expected.collect();
    expected.sort();
    assert_eq!(lines, expected);
    let processes = "SELECT count(DISTINCT p) FROM (FROM (SELECT k FROM t DISTRIBUTE BY k) x \
                     REDUCE k USING 'sh -c \"cat >/dev/null; echo $$\"' AS p) y";
    assert_eq!(hive.lines(processes).await, ["4"]);
}

#[tokio::test]
async fn inserts_take_rows_from_scripts() {
    let mut hive = hive().await;
    let script = "CREATE TABLE u(a int, b string); CREATE TABLE w(a int, b string); \
                  FROM t INSERT OVERWRITE TABLE u MAP k, v USING 'cat' AS (a, b) DISTRIBUTE BY a SORT BY a DESC \
                  INSERT INTO TABLE w SELECT k, x LATERAL VIEW explode(array(v, 'e')) l AS x WHERE k = 1 SORT BY x";
    hive.lines(script).await;
    assert_eq!(hive.lines("SELECT a FROM u").await, ["3", "2", "10", "1", "1"]);
    assert_eq!(hive.sorted("SELECT * FROM w").await, ["1\ta", "1\tb", "1\te", "1\te"]);
}
