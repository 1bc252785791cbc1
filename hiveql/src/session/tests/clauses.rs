//! QUALIFY, hints, grouping sets: what a query may have besides.

use super::Hive;

async fn hive() -> Hive {
    let mut hive = Hive::new().await;
    hive.table("t(a string, b string, n int)", &["x p 1", "x q 2", "y p 3", "y p 4", "y \\N 5"]).await;
    hive
}

#[tokio::test]
async fn qualify_filters_by_window_functions() {
    let mut hive = hive().await;
    let query =
        "SELECT a, n FROM t QUALIFY row_number() OVER (PARTITION BY a ORDER BY n DESC) = 1 ORDER BY a";
    assert_eq!(hive.lines(query).await, ["x\t2", "y\t5"]);
    let named = "SELECT a, sum(n) OVER w AS s FROM t WHERE n < 5 WINDOW w AS (PARTITION BY a) QUALIFY s > 3 AND n > 3";
    assert_eq!(hive.lines(named).await, ["y\t7"]);
    let grouped =
        "SELECT a, sum(n) AS s FROM t GROUP BY a HAVING s > 1 QUALIFY rank() OVER (ORDER BY sum(n)) = 2";
    assert_eq!(hive.lines(grouped).await, ["y\t12"]);
}

#[tokio::test]
async fn hints_change_nothing() {
    let mut hive = hive().await;
    for hint in ["/*+ MAPJOIN(l, r) */", "/*+STREAMTABLE(l)*/", "/*+ semi(l, a, 10), nothing */"] {
        let query = format!("SELECT {hint} count(*) FROM t l JOIN t r ON l.a = r.a");
        assert_eq!(hive.lines(&query).await, ["13"], "{hint}");
    }
    let script = "SELECT /*+MAPJOIN(t)*/ TRANSFORM(n) USING 'cat' AS n FROM t SORT BY n DESC LIMIT 1";
    assert_eq!(hive.lines(script).await, ["5"]);
}

#[tokio::test]
async fn grouping_tells_totals_from_groups() {
    let mut hive = hive().await;
    let query = "SELECT a, b, GROUPING__ID, grouping(a), grouping(b), grouping(a, b), sum(n) FROM t \
                 GROUP BY a, b GROUPING SETS ((a, b), a, ()) ORDER BY GROUPING__ID, a, b";
    assert_eq!(
        hive.lines(query).await,
        [
            "x\tp\t0\t0\t0\t0\t1",
            "x\tq\t0\t0\t0\t0\t2",
            "y\tp\t0\t0\t0\t0\t7",
            "y\tNULL\t0\t0\t0\t0\t5",
            "x\tNULL\t1\t0\t1\t1\t3",
            "y\tNULL\t1\t0\t1\t1\t12",
            "NULL\tNULL\t3\t1\t1\t3\t15",
        ]
    );
    let having = "SELECT a, grouping(b), count(*) FROM t GROUP BY a, b WITH ROLLUP HAVING grouping(b) = 1 AND grouping(a) = 0";
    assert_eq!(hive.sorted(having).await, ["x\t1\t2", "y\t1\t3"]);
    let cube = "SELECT GROUPING__ID, count(*) FROM t GROUP BY a, b WITH CUBE ORDER BY GROUPING__ID, 2";
    assert_eq!(hive.lines(cube).await.len(), 4 + 2 + 3 + 1);
}
