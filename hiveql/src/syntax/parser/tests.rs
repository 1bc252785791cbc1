//! The grammar against texts whose meaning is known.

use super::*;
use crate::syntax::ast::*;
use proptest::prelude::*;

/// An expression in prefix form, short enough to read.
fn shape(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Name(name) => name.text.clone(),
        ExprKind::Literal(Literal::Number(digits)) => digits.clone(),
        ExprKind::Literal(literal) => format!("{literal:?}"),
        ExprKind::Unary(op, inner) => format!("({op:?} {})", shape(inner)),
        ExprKind::Binary(op, left, right) => format!("({op:?} {} {})", shape(left), shape(right)),
        ExprKind::Field(base, name) => format!("{}.{}", shape(base), name.text),
        ExprKind::Index(base, index) => format!("{}[{}]", shape(base), shape(index)),
        ExprKind::IsNull { expr, negated } => {
            format!("(IsNull{} {})", if *negated { "Not" } else { "" }, shape(expr))
        }
        ExprKind::Function(call) => {
            let args: Vec<_> = call.args.iter().map(shape).collect();
            format!("{}({})", call.name.parts[0].text, args.join(","))
        }
        other => format!("{other:?}"),
    }
}

fn parsed(text: &str) -> String {
    shape(&parse_expr(text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

#[test]
fn operators_bind_as_in_hive() {
    let cases = [
        ("a or b and not c", "(Or a (And b (Not c)))"),
        ("a + b * c - d", "(Subtract (Add a (Multiply b c)) d)"),
        ("a | b & c", "(BitOr a (BitAnd b c))"),
        ("a * b ^ c", "(Multiply a (BitXor b c))"),
        ("-a.b[1]", "(Minus a.b[1])"),
        ("a = b is null", "(IsNull (Equal a b))"),
        ("a div b % c", "(Modulo (IntegerDivide a b) c)"),
        ("a <=> b", "(NullSafeEqual a b)"),
        ("not a = b", "(Not (Equal a b))"),
        ("if(a, 1, date(b))", "if(a,1,date(b))"),
    ];
    for (text, expected) in cases {
        assert_eq!(parsed(text), expected, "{text}");
    }
}

#[test]
fn statements_of_every_kind_parse() {
    let texts = [
        "SELECT key, value AS v, count(*) cnt FROM db.src s WHERE s.key > 10 GROUP BY key, value HAVING count(*) > 1 ORDER BY v DESC NULLS LAST LIMIT 10",
        "FROM (FROM src SELECT TRANSFORM(key, value) USING 'cat' AS (k int, v) CLUSTER BY k) t INSERT OVERWRITE TABLE a SELECT t.k INSERT INTO b PARTITION (ds='1', hr) SELECT t.v, 1 WHERE t.k < 3",
        "WITH q AS (SELECT 1 a) SELECT * FROM q UNION ALL SELECT 2 INTERSECT SELECT 3",
        "SELECT a.*, b.x FROM a LEFT OUTER JOIN b ON (a.id = b.id) LEFT SEMI JOIN c ON a.id = c.id, d LATERAL VIEW OUTER explode(xs) t AS x, y",
        "SELECT sum(x) OVER (PARTITION BY a ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), rank() OVER w FROM t WINDOW w AS (ORDER BY c)",
        "SELECT a, grouping__id FROM t GROUP BY a, b GROUPING SETS ((a, b), a, ())",
        "SELECT * FROM t TABLESAMPLE (BUCKET 1 OUT OF 4 ON key) s WHERE (a, b) IN (SELECT x, y FROM u) AND EXISTS (SELECT 1 FROM v WHERE v.k = s.k)",
        "SELECT CASE a WHEN 1 THEN 'x' ELSE 'y' END, CAST(b AS decimal(10,2)), EXTRACT(YEAR FROM c), INTERVAL '1-2' YEAR TO MONTH, DATE '2020-01-01', d - 3 days FROM t",
        "CREATE EXTERNAL TABLE IF NOT EXISTS db.t (a int COMMENT 'x', b map<string,array<struct<c:int,d:varchar(3)>>>) COMMENT 'c' PARTITIONED BY (ds string) CLUSTERED BY (a) SORTED BY (a DESC) INTO 4 BUCKETS ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' NULL DEFINED AS 'n' STORED AS TEXTFILE LOCATION '/x' TBLPROPERTIES ('k'='v')",
        "CREATE TABLE t ROW FORMAT SERDE 'x' WITH SERDEPROPERTIES ('a'='b') STORED AS INPUTFORMAT 'i' OUTPUTFORMAT 'o' AS SELECT * FROM src",
        "ALTER TABLE t ADD IF NOT EXISTS PARTITION (ds='1') LOCATION 'x' PARTITION (ds='2')",
        "ALTER TABLE t DROP PARTITION (ds < '3', hr != 4) PURGE",
        "ALTER TABLE t CHANGE COLUMN a b int COMMENT 'x' AFTER c CASCADE",
        "CREATE VIEW v (a COMMENT 'x', b) AS SELECT 1, 2",
        "CREATE TEMPORARY MACRO m(a int, b string) concat(a, b)",
        "LOAD DATA LOCAL INPATH '/x' OVERWRITE INTO TABLE t PARTITION (ds='1')",
        "INSERT INTO t (a, b) VALUES (1, 'x'), (2, NULL)",
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED AND s.b > 1 THEN UPDATE SET b = s.b WHEN NOT MATCHED THEN INSERT VALUES (s.a, s.b)",
        "SELECT count(*) FROM t GROUP BY ()",
        "SELECT f.a FROM t, LATERAL TABLE(VALUES ('A', t.k), ('B', 2)) AS f(a, b)",
        "DESCRIBE FORMATTED t.c",
        "SHOW PARTITIONS t PARTITION (ds='1')",
        "EXPLAIN VECTORIZATION DETAIL SELECT 1",
        "ANALYZE TABLE t PARTITION (ds) COMPUTE STATISTICS FOR COLUMNS a, b",
        "MSCK REPAIR TABLE t SYNC PARTITIONS",
    ];
    for text in texts {
        parse_statement(text).unwrap_or_else(|error| panic!("{text}: {error} at {:?}", error.span));
    }
}

#[test]
fn an_error_names_the_place_what_stands_there_and_what_could() {
    let error = parse_statement("SELECT a FROM t WHERE").unwrap_err();
    assert_eq!((error.span.start, error.found.as_str()), (21, "<EOF>"));
    let error = parse_statement("SELECT a FRM t WHERE x").unwrap_err();
    assert_eq!(error.found, "t");
    assert!(error.to_string().contains("cannot recognize input near 't'"), "{error}");
    assert!(parse_type("varchar(0)").unwrap_err().to_string().contains("out of allowed range"));
    assert!(parse_type("decimal(39,2)").unwrap_err().to_string().contains("precision"));
}

#[test]
fn types_are_read_as_they_are_written() {
    let texts = [
        "int",
        "decimal(10,2)",
        "array<map<string,struct<a:int,b:uniontype<int,string>>>>",
        "timestamp with local time zone",
    ];
    for text in texts {
        assert_eq!(parse_type(text).unwrap().to_string(), text);
    }
    assert_eq!(parse_type("dec").unwrap().to_string(), "decimal(10,0)");
}

#[test]
fn long_chains_and_deep_nesting_do_not_end_the_process() {
    let chain = vec!["a = 1"; 3_000].join(" AND ");
    assert!(parse_expr(&chain).is_ok());
    let nested = format!("{}1{}", "(".repeat(500), ")".repeat(500));
    assert!(parse_expr(&nested).is_ok());
}

#[test]
fn an_exponent_may_stand_before_any_letter() {
    for text in ["SELECT 1e5", "SELECT 1e5 x", "SELECT 0e²", "SELECT 1e5é", "SELECT 1eé"] {
        let _ = parse_statement(text);
    }
    assert!(parse_expr("1e5").is_ok() && parse_expr("1e-5D").is_ok());
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = parse_statement(&text);
    }

    #[test]
    fn no_row_of_words_panics(words in prop::collection::vec(prop::sample::select(vec![
        "SELECT", "FROM", "(", ")", ",", "a", "t", "WHERE", "=", "1", "'x'", "GROUP", "BY", "INSERT", "INTO", "TABLE", "JOIN", "ON",
        "LATERAL", "VIEW", "CASE", "WHEN", "END", "*", ".", "[", "]", "CREATE", "ALTER", "PARTITION", "OVER", "INTERVAL", "DAY", "WITH", "AS", "UNION",
    ]), 0..14)) {
        let _ = parse_statement(&words.join(" "));
    }
}
