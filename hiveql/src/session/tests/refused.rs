//! Statements that Hive refuses, and what it says of them.

use super::Hive;

/// The last statement of each script fails, with this in its message; those in front of it do not.
async fn fail_at_last(cases: &[(&str, &str)]) {
    for (script, expected) in cases {
        let mut hive = Hive::new().await;
        let (before, last) = script.rsplit_once("; ").unwrap_or(("", script));
        if let Err(error) = hive.run(before).await {
            panic!("{before}: {error}");
        }
        match hive.run(last).await {
            Ok(lines) => panic!("{last} does not fail: {lines:?}"),
            Err(error) => assert!(error.contains(expected), "{last}: {error}, not {expected}"),
        }
    }
}

#[tokio::test]
async fn a_views_keys_are_its_last_columns_and_stay_while_it_has_partitions() {
    fail_at_last(&[
        (
            "create table t (a int, b int); create view v partitioned on (c) as select a, b from t",
            "[Error 10093]",
        ),
        (
            "create table t (a int, b int); create view v partitioned on (a) as select a, b from t",
            "[Error 10093]",
        ),
        ("create table t (a int); create view v partitioned on (a) as select a from t", "[Error 10092]"),
        ("create table t (a int); create view v(x, y) as select a, a from t", "[Error 10036]"),
        (
            "create table t (a int, b int); create view v partitioned on (b) as select a, b from t; \
             alter view v add partition (b=1); create or replace view v as select a from t",
            "[Error 10217]",
        ),
        ("create table t (a int); create or replace view t as select 1 as a", "[Error 10218]"),
        ("create or replace view if not exists v as select 1 as a", "Can't combine"),
        ("create temporary table t (a int); create view v as select a from t", "temporary table"),
        (
            "create view v as select 1 as a; alter view v add partition (b=1) location '/x'",
            "LOCATION clause illegal for view partition",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_view_is_altered_as_a_view_and_a_table_as_a_table() {
    fail_at_last(&[
        ("create view v as select 1 as a; alter table v rename to w", "[Error 10131]"),
        ("create table t (a int); alter view t rename to w", "[Error 10132]"),
        ("create view v as select 1 as a; alter view v set fileformat orc", "[Error 10133]"),
        ("alter view v as select 1 as a", "[Error 10216]"),
        ("create view v as select 1 as a; drop table v", "Cannot drop a view with DROP TABLE"),
        ("create view v as select 1 as a; analyze table v compute statistics", "[Error 10091]"),
    ])
    .await;
}

#[tokio::test]
async fn alter_view_as_gives_a_view_another_query() {
    let mut hive = Hive::new().await;
    let script = "create view v as select 1 as a; alter view v as select 2 as b, 3 as c; select b, c from v";
    assert_eq!(hive.run(script).await.unwrap(), ["2\t3"]);
}

#[tokio::test]
async fn a_star_in_a_view_means_the_columns_that_there_were() {
    let mut hive = Hive::new().await;
    let script = "create table t (a int); insert into t values (1); create view v as select * from t; \
                  alter table t add columns (b int); select * from v";
    assert_eq!(hive.run(script).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn views_of_themselves_are_found_out() {
    fail_at_last(&[
        (
            "create table t (a int); create view r0 as select * from t; create view r1 as select * from r0; \
             drop view r0; alter view r1 rename to r0; select * from r0",
            "Recursive view default.r0 detected",
        ),
        ("create view v as select 1 as a; create or replace view v as select * from v", "Recursive view"),
    ])
    .await;
}

#[tokio::test]
async fn keys_are_disabled_and_refer_to_keys() {
    fail_at_last(&[
        ("create table t (a int primary key)", "[Error 10326]"),
        ("create table t (a int, primary key (a) disable validate)", "[Error 10326]"),
        (
            "create table t (a int primary key disable, b int primary key disable)",
            "Primary key already exists",
        ),
        ("create table t (a int constraint c unique disable, b int constraint c not null)", "already exists"),
        ("create table t (a int, foreign key (a) references u(a))", "[Error 10325]"),
        ("create table t (a int, foreign key (a) references u(a) disable)", "Parent table not found"),
        (
            "create table t (a int unique disable, foreign key (a) references t(a) disable)",
            "Parent table not found",
        ),
        (
            "create table u (a int primary key disable, b int); \
             create table t (a int, foreign key (a) references u(b) disable)",
            "no corresponding primary key",
        ),
        (
            "create table u (a string primary key disable); create table t (a int references u(a) disable)",
            "no corresponding primary key",
        ),
        ("create table t (a int); alter table t add constraint p primary key (b) disable", "[Error 10002]"),
    ])
    .await;
}

#[tokio::test]
async fn rows_of_external_tables_are_not_looked_after() {
    fail_at_last(&[
        ("create external table t (a int not null enable)", "[Error 10326]"),
        ("create external table t (a string); alter table t change a a string default 'x'", "[Error 10326]"),
        (
            "create table t (a int not null enforced); alter table t set tblproperties ('EXTERNAL'='TRUE')",
            "has constraints enabled",
        ),
        (
            "create table t (a int); alter table t set tblproperties ('EXTERNAL'='TRUE'); truncate table t",
            "[Error 10146]",
        ),
    ])
    .await;
}

#[tokio::test]
async fn defaults_and_checks_fit_their_columns() {
    fail_at_last(&[
        ("create table t (a double default 1)", "[Error 10326]"),
        ("create table t (a int, b int default a)", "[Error 10004]"),
        ("create table t (a array<int> default array(1))", "[Error 10326]"),
        ("create table t (a int check a + 1)", "[Error 10326]"),
        ("create table t (a int check sum(a) > 1)", "[Error 10128]"),
        ("create table t (a int check a = (select 1))", "[Error 10326]"),
        ("create table t (a int); alter table t change a a int check (b > 1)", "[Error 10004]"),
    ])
    .await;
}

#[tokio::test]
async fn definitions_of_tables_are_looked_at() {
    fail_at_last(&[
        ("create table t (a int) clustered by (a) into 0 buckets", "[Error 10037]"),
        ("create table t (a int) skewed by (b) on (1)", "[Error 10203]"),
        ("create table t (a int) skewed by (a, a) on ((1, 2))", "[Error 10202]"),
        ("create table t (a int) skewed by (a) on ((1, 2))", "[Error 10206]"),
        ("create table t (a int) skewed by (a) on (1); alter table t change a b int", "[Error 10207]"),
        ("create table t (a int) row format delimited lines terminated by ','", "[Error 10064]"),
        ("create table t (a int) stored as inputformat 'java.lang.Void' outputformat 'x'", "[Error 10054]"),
        ("create table t (a int) stored as inputformat 'None' outputformat 'None'", "Cannot find class"),
        (
            "create table t (a string) row format serde 'org.apache.hadoop.hive.serde2.RegexSerDe' \
             with serdeproperties ('input.regex' = '[')",
            "input.regex",
        ),
        ("create database `a.b`", "[Error 10420]"),
        ("create table t (a int); alter table t set location 'x/y'", "[Error 10244]"),
        (
            "create table t (a int); alter table t set tblproperties ('numRows' = 'x')",
            "AlterTable numRows failed",
        ),
        ("create table t (a int); alter table t add columns (b int) cascade", "[Error 10410]"),
        (
            "create table t (a int) stored as parquet; alter table t update columns",
            "schema is already handled",
        ),
    ])
    .await;
}

#[tokio::test]
async fn files_stay_readable_when_tables_change() {
    fail_at_last(&[
        (
            "create table t (a int, b int) stored as orc; alter table t replace columns (a int)",
            "[Error 10313]",
        ),
        ("create table t (a int, b int) stored as orc; alter table t change b b int first", "[Error 10311]"),
        ("create table t (a int) stored as orc; alter table t set fileformat textfile", "[Error 10310]"),
        (
            "create table t (a int) stored as orc; \
             alter table t set serde 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe'",
            "[Error 10309]",
        ),
        ("create table t (a int) stored as jsonfile; alter table t replace columns (a int)", "[Error 10243]"),
        (
            "create table t (a int, b int) partitioned by (p int) stored as parquet; \
             alter table t replace columns (a int)",
            "[Error 10313]",
        ),
        ("create table t (a map<int,int>); alter table t replace columns (a string)", "types incompatible"),
    ])
    .await;
}

#[tokio::test]
async fn partitions_have_the_values_that_they_may_have() {
    let keyed = "create table t (a int) partitioned by (p string)";
    let restricted = "set hive.metastore.partition.name.whitelist.pattern=[a-z]*";
    fail_at_last(&[
        (&format!("{keyed}; alter table t add partition (p='__HIVE_DEFAULT_PARTITION__')"), "[Error 10111]"),
        (&format!("{keyed}; {restricted}; alter table t add partition (p='A')"), "whitelist"),
        (&format!("{keyed}; {restricted}; insert into t partition (p) values (1, 'A')"), "whitelist"),
        (
            &format!("{keyed}; insert overwrite table t partition (p) if not exists select 1, 'a'"),
            "[Error 10127]",
        ),
        (
            &format!("{keyed}; set hive.exec.max.dynamic.partitions.pernode=1; insert into t values (1, 'a'), (2, 'b')"),
            "[Error 20004]",
        ),
        (
            "create table t (a int) partitioned by (p int, q int); create table u like t; \
             alter table u add partition (p=1, q=2); alter table t exchange partition (q=2) with table u",
            "[Error 10234]",
        ),
        (
            "create table t (a int) partitioned by (p int, q int); create table u like t; \
             alter table u add partition (p=1, q=2); alter table t add partition (p=1, q=3); \
             alter table t exchange partition (p=1) with table u",
            "[Error 10118]",
        ),
    ])
    .await;
}

#[tokio::test]
async fn rows_go_where_they_may_go() {
    fail_at_last(&[
        (
            "create table t (a int) tblproperties ('immutable'='true'); insert into t values (1); insert into t values (2)",
            "[Error 10256]",
        ),
        (
            "create table t (a int); from t insert overwrite directory '/tmp/x' select a \
             insert overwrite directory '/tmp/x' select a",
            "[Error 10087]",
        ),
        (
            "set hive.ctas.external.tables=false; create external table t as select 1 as a",
            "[Error 10070]",
        ),
    ])
    .await;
    let mut hive = Hive::new().await;
    let file = hive.file("rows.txt", "1\n").display().to_string();
    for format in ["sequencefile", "rcfile", "orc"] {
        let script = format!(
            "create table {format}_t (a int) stored as {format}; load data local inpath '{file}' into table {format}_t"
        );
        assert!(hive.run(&script).await.unwrap_err().contains("[Error 30019]"), "{format}");
        // Its own files it takes.
        let own = hive.home.path().join(format!("own_{format}")).display().to_string();
        let script = format!(
            "insert overwrite local directory '{own}' stored as {format} select 7 as a; \
             load data local inpath '{own}' into table {format}_t; select a from {format}_t"
        );
        assert_eq!(hive.run(&script).await.unwrap(), ["7"], "{format}");
    }
}

#[tokio::test]
async fn what_has_two_columns_of_one_name_cannot_be_asked_for_it() {
    let twice = "(select 'a' as c, 'b' as c, 'x' as d) t";
    fail_at_last(&[
        (&format!("select t.c from {twice}"), "[Error 10007]"),
        (&format!("select d from {twice} where c = 'a'"), "[Error 10007]"),
        (
            &format!("with u as (select * from {twice}), v as (select * from u) select v.c from v"),
            "[Error 10007]",
        ),
        ("select t.c from (select 'a' as c, 'b' as c union all select 'x', 'y') t", "[Error 10007]"),
        (&format!("select * from {twice} join (select 'a' as c) u using (c)"), "[Error 10007]"),
        ("select t.c from (select 1 as c, array(1) as l) t lateral view explode(l) t as c", "[Error 10007]"),
        (
            "create table t (a int); select 1 from t x, t y where INPUT__FILE__NAME = y.INPUT__FILE__NAME",
            "[Error 10007]",
        ),
    ])
    .await;
    let mut hive = Hive::new().await;
    assert_eq!(hive.run(&format!("select d from {twice}")).await.unwrap(), ["x"]);
    assert_eq!(hive.run(&format!("select * from {twice}")).await.unwrap(), ["a\tb\tx"]);
}

#[tokio::test]
async fn table_functions_stand_alone_in_a_select_list() {
    fail_at_last(&[
        ("select explode(array(1)) as a, 2 as b", "[Error 10075]"),
        ("create table t (a int); select explode(array(1)) as x from t group by a", "[Error 10077]"),
        ("create table t (a int); select explode(array(1)) as x from t sort by x", "[Error 10078]"),
        ("create table t (a int); select explode(array(1)) as x from t lateral view explode(array(2)) u as y", "[Error 10082]"),
    ])
    .await;
}

#[tokio::test]
async fn groups_have_what_they_need() {
    let table = "create table t (a int, b int)";
    fail_at_last(&[
        (&format!("{table}; select * from t having a > 1"), "HAVING specified without GROUP BY"),
        (&format!("{table}; select GROUPING__ID from t"), "[Error 10004]"),
        (
            &format!("{table}; set hive.map.aggr=false; select a, count(b) from t group by a with rollup"),
            "[Error 10209]",
        ),
        (
            &format!("{table}; set hive.groupby.skewindata=true; select count(distinct a), sum(distinct b) from t"),
            "[Error 10022]",
        ),
        (&format!("{table}; select count(*) from t group by a in (select b from t)"), "[Error 10249]"),
        (&format!("{table}; select a as x, b from t cluster by a"), "[Error 10004]"),
        (
            &format!("{table}; select sum(a) over w from t window w as (order by a), w as (order by b)"),
            "Duplicate definition of window",
        ),
        (
            &format!("{table}; select sum(a) over v from t window v as (w), w as (v)"),
            "Cycle in Window references",
        ),
        (
            &format!("{table}; select a from t x where a in (select first_value(b) over (order by b) from t y where x.b = y.b)"),
            "Windowing",
        ),
    ])
    .await;
}

#[tokio::test]
async fn strict_checks_refuse_what_takes_long_or_loses_digits() {
    let keyed = "create table t (a int) partitioned by (p int); set hive.mapred.mode=strict";
    fail_at_last(&[
        (&format!("{keyed}; select a from t where p = 1 order by a"), "Order by-s without limit"),
        (&format!("{keyed}; select count(1) from t"), "No partition predicate"),
        (
            "set hive.strict.checks.cartesian.product=true; select * from (select 1) a join (select 2) b",
            "Cartesian products",
        ),
        ("select cast(1 as bigint) = '1'", "Unsafe compares"),
        ("select cast(1 as bigint) = cast(1 as double)", "Unsafe compares"),
        ("select 1.5 = '1.5'", "Unsafe compares"),
    ])
    .await;
    let mut hive = Hive::new().await;
    let script = "set hive.strict.checks.type.safety=false; select cast(1 as bigint) = '1'";
    assert_eq!(hive.run(script).await.unwrap(), ["true"]);
}

#[tokio::test]
async fn arguments_are_of_the_types_that_functions_take() {
    fail_at_last(&[
        ("select if('STRING', 1, 1)", "[Error 10014]"),
        ("select case when '1' then 4 end", "must be a boolean"),
        ("select concat_ws(1234, array('a'))", "[Error 10014]"),
        ("select concat_ws('-', array(1, 2))", "[Error 10014]"),
        ("select array_contains(array(1, 2, 3), '2')", "[Error 10014]"),
        ("select trunc(1.0, 12.123)", "[Error 10014]"),
        ("select 120 like all ('a%')", "[Error 10014]"),
        ("select sort_array(array(create_union(0, 'a')))", "[Error 10014]"),
        ("select timestamp '2012-12-29 20:01:00 +03:00'", "not a valid timestamp literal"),
        ("select 123456789012345678901234567890.123456789bd", "[Error 10029]"),
    ])
    .await;
}

#[tokio::test]
async fn functions_are_made_of_what_there_is() {
    fail_at_last(&[
        ("create function badfunc as 'my.nonexistent.class'", "Class my.nonexistent.class not found"),
        ("create temporary function f as 'org.apache.hadoop.hive.ql.Driver'", "not found"),
        ("create temporary function default.f as '/bin/cat'", "qualified name"),
        ("create function f as 'x' using file '/no/such/file'", "/no/such/file does not exist"),
        ("drop temporary function max", "[Error 10301]"),
        ("create temporary macro m (x int, y int) x", "not used"),
        ("create temporary macro m (x int, x int) x", "more than once"),
    ])
    .await;
}

#[tokio::test]
async fn set_refuses_values_of_another_type() {
    fail_at_last(&[
        ("set hive.join.cache.size=test", "expects INT"),
        ("set hive.added.jars.path=x", "internal variables"),
    ])
    .await;
    let mut hive = Hive::new().await;
    hive.run("set hive.conf.validation=false; set hive.join.cache.size=test").await.unwrap();
}

#[tokio::test]
async fn a_comma_joins_as_join_does() {
    let mut hive = Hive::new().await;
    let script =
        "select a.x, c.x from (select 1 as x) a, (select 2 as x) b join (select 1 as x) c on a.x = c.x";
    assert_eq!(hive.run(script).await.unwrap(), ["1\t1"]);
}

#[tokio::test]
async fn a_cast_is_called_as_what_it_casts() {
    let mut hive = Hive::new().await;
    let script = "select k from (select cast(k as int) from (select '7' as k) t) u";
    assert_eq!(hive.run(script).await.unwrap(), ["7"]);
    assert_eq!(hive.run("select printf('%h %a', 50, 256.125)").await.unwrap(), ["32 0x1.002p8"]);
}

#[tokio::test]
async fn names_stand_for_one_thing() {
    fail_at_last(&[
        ("create table t (a int); select 1 from t join t", "[Error 10008]"),
        ("select 1 from (select 1) a, (select 2) a", "[Error 10008]"),
        ("with a as (select 1), a as (select 2) select * from a", "[Error 10008]"),
        ("create table t (a int, b int); select grouping(b), count(*) from t group by a", "[Error 10409]"),
        ("select count()", "Argument expected"),
    ])
    .await;
}

#[tokio::test]
async fn explain_looks_at_where_rows_go() {
    fail_at_last(&[
        ("create table t (a int); explain insert into t select 1, 2", "[Error 10044]"),
        ("explain insert into nowhere select 1", "[Error 10001]"),
        (
            "create table t (a int) partitioned by (p int); \
             explain insert into t partition (q=1) select 1",
            "[Error 10098]",
        ),
        (
            "create table t (a int); explain from t insert into t select a insert overwrite table t select a, a",
            "[Error 10044]",
        ),
    ])
    .await;
}

#[tokio::test]
async fn tables_are_made_of_columns_in_files_that_can_be_read() {
    fail_at_last(&[
        ("create table t", "[Error 10043]"),
        ("create table t (a int) as select 1 as a", "[Error 10065]"),
        ("create table t (a int) row format serde 'nosuch'", "Cannot validate serde"),
        ("create temporary macro m (a int) nosuch(a)", "[Error 10011]"),
        ("create database d location '/tmp/d' managedlocation '/tmp/d'", "cannot be the same"),
        ("select array(1)['a']", "[Error 10014]"),
        ("select substr('a', 'b')", "[Error 10014]"),
        ("select add_months('2020-01-01', 'x')", "[Error 10014]"),
        ("select array_append(array(1), 'a')", "[Error 10014]"),
        ("select array_except(array(1), array('a'))", "[Error 10014]"),
        ("select soundex(1)", "[Error 10014]"),
        (
            "create table t (a int) clustered by (a) into 2 buckets; alter table t concatenate",
            "[Error 30031]",
        ),
        ("create external table t (a int); alter table t concatenate", "[Error 30034]"),
        ("select * from (select 1 as a) t where a = all (select 1)", "not supported for ALL"),
        (
            "set hive.strict.timestamp.conversion=true; select cast(cast('2011-11-11' as timestamp) as int)",
            "Casting DATE/TIMESTAMP types to NUMERIC is prohibited",
        ),
    ])
    .await;
}
