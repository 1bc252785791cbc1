//! All functions by name, what SHOW FUNCTIONS lists and what DESCRIBE FUNCTION prints.

use super::{
    AggregateFunction, Definition, ScalarFunction, TableFunction, WindowFunction, aggregate, collection,
    conditional, datetime, document, extension, hive_names::hive_names, math, operators::OPERATORS, program,
    session, table, text, window,
};
use crate::cast;
use datafusion::common::utils::datafusion_strsim::levenshtein;
use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

/// Lists as the folders of functions keep them.
type Lists<R> = &'static [&'static [&'static [Definition<R>]]];

const SCALARS: Lists<super::Scalar> = &[
    collection::FUNCTIONS,
    conditional::FUNCTIONS,
    datetime::FUNCTIONS,
    document::FUNCTIONS,
    math::FUNCTIONS,
    session::FUNCTIONS,
    &[cast::NAMED],
    text::FUNCTIONS,
];
/// Found by their names as the others are, but neither listed nor described: the planner alone calls them.
const INTERNAL: Lists<super::Scalar> = &[&[cast::FUNCTIONS, program::FUNCTIONS]];
const AGGREGATES: Lists<super::Aggregate> = &[&[aggregate::FUNCTIONS]];
const WINDOWS: Lists<super::Window> = &[&[window::FUNCTIONS]];
const TABLES: Lists<super::Table> = &[table::FUNCTIONS];

type ByName<R> = HashMap<&'static str, &'static Definition<R>>;

/// All of one kind, under their names and aliases.
fn by_name<R>(lists: Lists<R>) -> ByName<R> {
    let named = lists.iter().copied().flatten().copied().flatten().flat_map(|function| {
        std::iter::once(&function.name).chain(function.aliases).map(move |&name| (name, function))
    });
    named.collect()
}

static SCALARS_BY_NAME: LazyLock<ByName<super::Scalar>> =
    LazyLock::new(|| by_name(SCALARS).into_iter().chain(by_name(INTERNAL)).collect());
static AGGREGATES_BY_NAME: LazyLock<ByName<super::Aggregate>> = LazyLock::new(|| by_name(AGGREGATES));
static WINDOWS_BY_NAME: LazyLock<ByName<super::Window>> = LazyLock::new(|| by_name(WINDOWS));
static TABLES_BY_NAME: LazyLock<ByName<super::Table>> = LazyLock::new(|| by_name(TABLES));

/// The function of that name or alias, in whatever case it is written.
pub fn scalar(name: &str) -> Option<&'static ScalarFunction> {
    let name = name.to_ascii_lowercase();
    let built_in = SCALARS_BY_NAME.get(name.as_str()).copied();
    built_in.or_else(|| extension::find(&name, |added| added.scalars))
}

/// As [`scalar`].
pub fn aggregate(name: &str) -> Option<&'static AggregateFunction> {
    let name = name.to_ascii_lowercase();
    let built_in = AGGREGATES_BY_NAME.get(name.as_str()).copied();
    built_in.or_else(|| extension::find(&name, |added| added.aggregates))
}

/// As [`scalar`].
pub fn window(name: &str) -> Option<&'static WindowFunction> {
    let name = name.to_ascii_lowercase();
    let built_in = WINDOWS_BY_NAME.get(name.as_str()).copied();
    built_in.or_else(|| extension::find(&name, |added| added.windows))
}

/// As [`scalar`].
pub fn table(name: &str) -> Option<&'static TableFunction> {
    let name = name.to_ascii_lowercase();
    let built_in = TABLES_BY_NAME.get(name.as_str()).copied();
    built_in.or_else(|| extension::find(&name, |added| added.tables))
}

/// What is known of a function apart from how a call of it is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    pub kind: Kind,
    /// `_FUNC_` stands for the name.
    pub usage: &'static str,
    pub extended: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Operator,
    Scalar,
    Aggregate,
    Window,
    Table,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Operator => "operator",
            Kind::Scalar => "scalar",
            Kind::Aggregate => "aggregate",
            Kind::Window => "window",
            Kind::Table => "table",
        }
    }
}

fn described<R>(function: &Definition<R>, kind: Kind) -> Description {
    Description {
        name: function.name,
        aliases: function.aliases,
        kind,
        usage: function.usage,
        extended: function.extended,
    }
}

fn descriptions_of<R>(lists: Lists<R>, kind: Kind) -> impl Iterator<Item = Description> {
    lists.iter().copied().flatten().copied().flatten().map(move |function| described(function, kind))
}

/// By every name and alias. Where a function is an operator too, the function's text counts.
static DESCRIPTIONS: LazyLock<BTreeMap<&'static str, Description>> = LazyLock::new(|| {
    let operators = OPERATORS.iter().map(|operator| Description {
        name: operator.name,
        aliases: operator.aliases,
        kind: Kind::Operator,
        usage: operator.usage,
        extended: operator.extended,
    });
    operators
        .chain(descriptions_of(SCALARS, Kind::Scalar))
        .chain(descriptions_of(AGGREGATES, Kind::Aggregate))
        .chain(descriptions_of(WINDOWS, Kind::Window))
        .chain(descriptions_of(TABLES, Kind::Table))
        .flat_map(|described| {
            std::iter::once(described.name)
                .chain(described.aliases.iter().copied())
                .map(move |name| (name, described))
        })
        .collect()
});

/// What is known of functions that other crates added.
fn added() -> impl Iterator<Item = Description> {
    let scalars = extension::all(|added| added.scalars).into_iter().map(|of| described(of, Kind::Scalar));
    let aggregates =
        extension::all(|added| added.aggregates).into_iter().map(|of| described(of, Kind::Aggregate));
    let windows = extension::all(|added| added.windows).into_iter().map(|of| described(of, Kind::Window));
    let tables = extension::all(|added| added.tables).into_iter().map(|of| described(of, Kind::Table));
    scalars.chain(aggregates).chain(windows).chain(tables)
}

/// All names in order, aliases and operators among them, as SHOW FUNCTIONS lists them.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = DESCRIPTIONS.keys().copied().collect();
    names.extend(added().flat_map(|of| std::iter::once(of.name).chain(of.aliases.iter().copied())));
    names.sort_unstable();
    names
}

/// Whether the name is one of a function or operator that no other crate added.
pub(super) fn is_built_in(name: &str) -> bool {
    DESCRIPTIONS.contains_key(name) || SCALARS_BY_NAME.contains_key(name)
}

/// What is known of the function or operator of that name or alias.
pub fn description(name: &str) -> Option<Description> {
    let name = name.to_ascii_lowercase();
    let built_in = DESCRIPTIONS.get(name.as_str()).copied();
    built_in.or_else(|| added().find(|of| of.name == name || of.aliases.contains(&name.as_str())))
}

/// The lines that DESCRIBE FUNCTION prints, or with `extended` DESCRIBE FUNCTION EXTENDED.
pub fn describe(name: &str, extended: bool) -> Option<Vec<String>> {
    let name = name.to_ascii_lowercase();
    let described = description(&name)?;
    let filled = |text: &str| text.replace("_FUNC_", &name);
    let mut lines: Vec<String> = filled(described.usage).lines().map(str::to_owned).collect();
    if extended {
        let mut synonyms: Vec<&str> = std::iter::once(described.name)
            .chain(described.aliases.iter().copied())
            .filter(|&synonym| synonym != name)
            .collect();
        synonyms.sort_unstable();
        if !synonyms.is_empty() {
            lines.push(format!("Synonyms: {}", synonyms.join(", ")));
        }
        lines.extend(filled(described.extended).lines().map(str::to_owned));
        lines.push("Function type:BUILTIN".to_owned());
    }
    Some(lines)
}

/// The function whose name is most like `name`, for a message that there is none of that name.
pub fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    // More than every third letter wrong is another word.
    let limit = (name.chars().count() / 3).max(1);
    names()
        .into_iter()
        .filter(|candidate| candidate.starts_with(|c: char| c.is_ascii_alphabetic()))
        .map(|candidate| (levenshtein(&name, candidate), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The names of Hive's that are not here.
pub fn missing() -> impl Iterator<Item = &'static str> {
    hive_names().filter(|name| !DESCRIPTIONS.contains_key(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_any_case_and_by_its_aliases() {
        assert_eq!(aggregate("Sum").map(|function| function.name), Some("sum"));
        assert_eq!(aggregate("STD").map(|function| function.name), Some("stddev"));
        assert_eq!(window("ROW_NUMBER").map(|function| function.name), Some("row_number"));
        assert!(aggregate("nothing").is_none());
    }

    #[test]
    fn internal_functions_are_found_but_not_listed() {
        for function in INTERNAL.iter().copied().flatten().copied().flatten() {
            assert!(scalar(function.name).is_some(), "{}", function.name);
            assert!(description(function.name).is_none(), "{}", function.name);
            assert!(!by_name(SCALARS).contains_key(function.name), "{}", function.name);
        }
    }

    #[test]
    fn names_are_sorted_and_hold_the_operators() {
        let names = names();
        assert!(names.is_sorted());
        for name in ["!", "!=", "%", "<=>", "between", "sum", "stddev_pop", "lag"] {
            assert!(names.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_description_is_in_the_name_that_was_asked_for() {
        assert_eq!(
            describe("STD", false),
            Some(vec!["std(x) - Returns the standard deviation of a set of numbers".to_owned()])
        );
        let lines = describe("stddev_pop", true).unwrap();
        assert_eq!(lines[1], "Synonyms: std, stddev");
        assert_eq!(lines.last().map(String::as_str), Some("Function type:BUILTIN"));
        assert_eq!(describe("nothing", true), None);
    }

    #[test]
    fn a_slip_of_the_pen_is_understood() {
        assert_eq!(nearest("summ"), Some("sum"));
        assert_eq!(nearest("row_nubmer"), Some("row_number"));
        assert_eq!(nearest("qwertyuiop"), None);
    }

    #[test]
    fn no_name_is_defined_twice_in_one_kind() {
        fn check<R>(lists: Lists<R>) {
            let all = lists.iter().copied().flatten().copied().flatten();
            let count: usize = all.map(|function| 1 + function.aliases.len()).sum();
            assert_eq!(by_name(lists).len(), count);
        }
        check(SCALARS);
        check(AGGREGATES);
        check(WINDOWS);
        check(TABLES);
    }

    #[test]
    fn the_names_of_hive_are_sorted() {
        assert!(hive_names().is_sorted());
    }

    #[test]
    fn every_aggregate_and_window_function_is_one_of_hives() {
        for name in AGGREGATES_BY_NAME.keys().chain(WINDOWS_BY_NAME.keys()) {
            assert!(hive_names().any(|hive| hive == *name), "{name}");
        }
    }
}
