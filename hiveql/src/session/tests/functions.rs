//! Functions in statements: casts by type names, WITHIN GROUP, constants beside columns, programs of the user's.

use super::Hive;

async fn one(hive: &mut Hive, sql: &str) -> String {
    hive.lines(sql).await.join("\n")
}

const NUMBERS: &str = "(SELECT explode(array(1, 2, 2, 4, cast(null as int))) AS n) t";

#[tokio::test]
async fn a_value_has_its_place_among_the_rows_of_a_group() {
    let mut hive = Hive::new().await;
    for (call, expected) in [
        ("rank(2) WITHIN GROUP (ORDER BY n)", "2"),
        ("rank(3) WITHIN GROUP (ORDER BY n)", "4"),
        ("rank(3) WITHIN GROUP (ORDER BY n DESC)", "3"),
        ("rank(3) WITHIN GROUP (ORDER BY n DESC NULLS LAST)", "2"),
        ("dense_rank(3) WITHIN GROUP (ORDER BY n)", "3"),
        ("percent_rank(2) WITHIN GROUP (ORDER BY n)", "0.2"),
        ("cume_dist(2) WITHIN GROUP (ORDER BY n)", "0.6666666666666666"),
        ("rank(2, 5) WITHIN GROUP (ORDER BY n, n)", "4"),
        ("percentile_cont(0.5) WITHIN GROUP (ORDER BY n)", "2.0"),
        ("percentile_disc(0.0) WITHIN GROUP (ORDER BY n DESC)", "4.0"),
        ("rank(3) WITHIN GROUP (ORDER BY n) + 0 * count(*)", "4"),
    ] {
        assert_eq!(one(&mut hive, &format!("SELECT {call} FROM {NUMBERS}")).await, expected, "{call}");
    }
    assert!(hive.run(&format!("SELECT sum(1) WITHIN GROUP (ORDER BY n) FROM {NUMBERS}")).await.is_err());
}

#[tokio::test]
async fn constants_are_of_their_columns_type() {
    let mut hive = Hive::new().await;
    let table = "(SELECT cast('ab' as char(5)) c, 9223372036854775807 big, cast(0.1 as float) f, 1 i) t";
    for (condition, expected) in [
        ("c = 'ab   '", "true"),
        ("c = 'abc'", "false"),
        ("big = '9223372036854775806'", "false"),
        ("big IN ('9223372036854775807')", "true"),
        ("f = 0.1D", "true"),
        ("i IN (1.5, 'x', 1)", "true"),
        ("false = false IN (true, false)", "false"),
        ("int('12.7') + string(1)", "13.0"),
        ("cast(date '2020-01-01' as int)", "NULL"),
        ("'a' LIKE ANY ('a', null)", "NULL"),
        ("(1) day", "1 00:00:00.000000000"),
        ("1E99BD", "NULL"),
    ] {
        assert_eq!(
            one(&mut hive, &format!("SELECT {condition} FROM {table}")).await,
            expected,
            "{condition}"
        );
    }
}

#[tokio::test]
async fn a_program_is_a_function_from_create_to_drop() {
    let mut hive = Hive::new().await;
    let path = hive.file("upper.sh", "#!/bin/sh\nwhile IFS= read -r line; do echo \"<$line>\"; done\n");
    one(&mut hive, &format!("CREATE FUNCTION marked AS 'upper.sh' USING FILE '{}'", path.display())).await;
    let count = hive.file("count.sh", "#!/bin/sh\nwhile IFS= read -r line; do echo \"${#line}\"; done\n");
    let create =
        format!("CREATE TEMPORARY FUNCTION upper AS 'count.sh RETURNS int' USING FILE '{}'", count.display());
    one(&mut hive, &create).await;
    let words = "(SELECT explode(array('a', 'bcd')) w) t";
    assert_eq!(hive.run(&format!("SELECT marked(w) FROM {words}")).await.unwrap(), ["<a>", "<bcd>"]);
    assert_eq!(hive.run(&format!("SELECT default.marked(w) FROM {words}")).await.unwrap().len(), 2);
    assert_eq!(
        one(&mut hive, &format!("SELECT sum(upper(w)) FROM {words}")).await,
        "4",
        "the session's own comes first"
    );
    one(&mut hive, "DROP TEMPORARY FUNCTION upper").await;
    assert_eq!(one(&mut hive, "SELECT upper('a')").await, "A");
    one(&mut hive, "DROP FUNCTION marked").await;
    assert!(hive.run(&format!("SELECT marked(w) FROM {words}")).await.is_err());
    one(&mut hive, "CREATE FUNCTION old AS 'org.example.Old' USING JAR '/tmp/old.jar'").await;
    let error = hive.run("SELECT old(1)").await.unwrap_err();
    assert!(error.contains("classes of Java do not run here"), "{error}");
}

#[tokio::test]
async fn a_setting_says_how_values_are_masked() {
    let mut hive = Hive::new().await;
    assert_eq!(one(&mut hive, "SELECT mask_hash('x')").await.len(), 64);
    hive.lines("SET hive.masking.algo=sha512").await;
    assert_eq!(one(&mut hive, "SELECT mask_hash('x')").await.len(), 128);
}
