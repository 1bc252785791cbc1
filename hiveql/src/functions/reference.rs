//! `docs/functions.md`: every function of Hive's and of ours, made from the registry, so that it cannot be wrong for long.

use super::{
    hive_names::hive_names,
    registry::{self, Description, Kind},
};
use std::{collections::BTreeMap, fmt::Write, path::Path};

const INTRODUCTION: &str = include_str!("reference.md");

/// Why functions of Hive's are not done, by how their names begin.
const NOT_DONE: &[(&[&str], &str)] = &[
    (&["ds_"], "sketches of the DataSketches library"),
    (&["st_"], "geometries of the ESRI library"),
    (&["iceberg_"], "there are no Iceberg tables"),
    (
        &["approx_distinct", "compute_bit_vector_", "ndv_compute_bit_vector", "compute_stats"],
        "Hive's own estimates of distinct values; ANALYZE TABLE counts exactly",
    ),
    (&["bloom_filter", "in_bloom_filter", "$sum0"], "only plans of Hive's own optimizer call them"),
    (&["cast_format", "toarray", "tomap", "tostruct"], "what CAST becomes in Hive; write CAST"),
    (&["matchpath", "noop", "windowingtablefunction"], "table functions over partitions"),
    (&["get_splits", "get_llap_splits", "get_sql_schema"], "for clients that read Hive's own splits"),
    (&["surrogate_key", "validate_acid_sort_order"], "there are no ACID tables"),
    (&["reflect2"], "it calls methods of Java's objects"),
    (&["exception_in_vertex_"], "they break Hive's own tasks, for its tests"),
];

fn render() -> String {
    let mut page = INTRODUCTION.to_owned();
    for kind in [Kind::Scalar, Kind::Aggregate, Kind::Window, Kind::Table, Kind::Operator] {
        let _ = write!(page, "\n## {}\n\n| name | what it does |\n| --- | --- |\n", title(kind));
        let names = registry::names().into_iter();
        let of_kind: BTreeMap<&str, Description> = names
            .filter_map(|name| Some((name, registry::description(name)?)))
            .filter(|(name, of)| of.kind == kind && of.name == *name && registry::is_built_in(name))
            .collect();
        for (name, of) in of_kind {
            let aliases: Vec<String> = of.aliases.iter().map(|alias| code(alias)).collect();
            let also = if aliases.is_empty() { String::new() } else { format!(" {}", aliases.join(" ")) };
            let usage = of.usage.replace("_FUNC_", name);
            let _ = writeln!(
                page,
                "| {}{also} | {} |",
                code(name),
                cell(usage.lines().next().unwrap_or_default())
            );
        }
    }
    let missing: Vec<&str> = registry::missing().collect();
    let done = hive_names().count() - missing.len();
    let _ = write!(
        page,
        "\n## Not done\n\nOf Hive's {} names {done} are done. These are not:\n\n| names | why |\n| --- | --- |\n",
        hive_names().count()
    );
    for (beginnings, reason) in NOT_DONE {
        let of_reason: Vec<String> =
            missing.iter().filter(|name| begins(name, beginnings)).map(|name| code(name)).collect();
        let _ = writeln!(page, "| {} | {reason} |", of_reason.join(" "));
    }
    page
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Scalar => "One value per row",
        Kind::Aggregate => "One value per group or window",
        Kind::Window => "Only over a window",
        Kind::Table => "Rows per row",
        Kind::Operator => "Operators",
    }
}

fn begins(name: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| name.starts_with(beginning))
}

fn code(name: &str) -> String {
    format!("`{}`", cell(name))
}

/// One line, and no bars that would end a cell, nor tags.
fn cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|").replace('<', "&lt;")
}

#[test]
fn each_function_that_is_not_done_has_a_reason() {
    for name in registry::missing() {
        assert!(NOT_DONE.iter().any(|(beginnings, _)| begins(name, beginnings)), "{name}");
    }
    for (beginnings, reason) in NOT_DONE {
        assert!(registry::missing().any(|name| begins(name, beginnings)), "{reason}");
    }
}

#[test]
fn the_page_of_functions_says_what_there_is() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/functions.md");
    let text = render();
    if std::env::var_os("SKEP_UPDATE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == text,
        "docs/functions.md is out of date: SKEP_UPDATE=1 cargo test -p skep-hiveql functions::reference"
    );
}
