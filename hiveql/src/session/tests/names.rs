//! Names in double quotes, texts in other character sets, columns that no table has.

use super::Hive;

#[tokio::test]
async fn double_quotes_hold_names_where_the_standard_is_asked_for() {
    let mut hive = Hive::new().await;
    let script = r#"SET hive.support.quoted.identifiers=standard;
        CREATE TABLE "order"("x+y" int, "select" string);
        INSERT INTO "order" VALUES (1, '"one"');
        CREATE VIEW "view" AS SELECT "x+y" + 1 AS "z" FROM "order";
        SELECT t."x+y", "select" FROM "order" t;
        SET hive.support.quoted.identifiers=column;
        SELECT `z`, "z" FROM `view`"#;
    assert_eq!(hive.lines(script).await, ["1\t\"one\"", "2\tz"]);
}

#[tokio::test]
async fn a_literal_may_name_its_character_set() {
    let mut hive = Hive::new().await;
    assert_eq!(hive.lines("SELECT _UTF-8 0xE982B5E993AE = '邵铮', _iso-8859-1 0xE4").await, ["true\tä"]);
}

#[tokio::test]
async fn virtual_columns_say_where_a_row_lies() {
    let mut hive = Hive::new().await;
    hive.table("t(k int, v string)", &["3 c", "10 a", "2 b"]).await;
    let query = "SELECT k, BLOCK__OFFSET__INSIDE__FILE, INPUT__FILE__NAME FROM t";
    let lines = hive.lines(query).await;
    let offsets: Vec<&str> = lines.iter().map(|line| line.split('\t').nth(1).unwrap()).collect();
    assert_eq!(offsets, ["0", "4", "9"]);
    assert!(
        lines.iter().all(|line| line.contains("\tfile:/") && line.contains("/warehouse/t/t")),
        "{lines:?}"
    );
    assert_eq!(hive.lines("SELECT * FROM t WHERE BLOCK__OFFSET__INSIDE__FILE > 4").await, ["2\tb"]);
    let joined = "SELECT count(DISTINCT a.INPUT__FILE__NAME) FROM t a JOIN t b ON a.k = b.k GROUP BY b.INPUT__FILE__NAME";
    assert_eq!(hive.lines(joined).await, ["1"]);
}

#[tokio::test]
async fn back_quotes_hold_patterns_where_names_may_not_be_quoted() {
    let mut hive = Hive::new().await;
    hive.table("t(k int, ds string, hr string)", &["1 a b"]).await;
    let script = "SET hive.support.quoted.identifiers=none; SELECT `(ds|hr)?+.+` FROM t; \
                  SELECT b.`..`, a.`k` AS `x` FROM t a JOIN t b ON a.k = b.k; SELECT `k` + 1 FROM t";
    assert_eq!(hive.lines(script).await, ["1", "a\tb\t1", "2"]);
    assert!(hive.run("SELECT `z.*` FROM t").await.is_err());
}
