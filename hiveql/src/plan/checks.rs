//! What a SELECT may not say, whatever its columns are, and what it may not say in strict mode.

use super::{Bound, Planner, Problem, Result, TableName, Typed, expr::Place, select::Ordering};
use crate::{
    functions::registry,
    syntax::ast::{
        Expr as Ast, ExprKind, FunctionCall, GroupingSets, JoinCondition, JoinKind, Name, Select,
        SelectItems, Span, TableExpr, TableRef, walk,
    },
};

/// What a setting forbids because it may take long or surprise.
#[derive(Debug, Clone, Copy, Default)]
pub struct StrictChecks {
    /// ORDER BY without LIMIT.
    pub order_without_limit: bool,
    /// A partitioned table without a condition on its keys.
    pub all_partitions: bool,
    /// Tables joined without a condition.
    pub products: bool,
    /// Casts between numbers and times.
    pub numbers_as_times: bool,
    /// Comparisons that may lose digits.
    pub lossy_comparisons: bool,
}

impl StrictChecks {
    /// The end of a message, for the setting of that name.
    pub(super) fn refused(what: &str, setting: &str) -> Problem {
        Problem::Invalid(format!(
            "{what} are disabled for safety reasons. If you know what you are doing, please set hive.strict.checks.{setting} \
             to false and make sure that hive.mapred.mode is not set to 'strict' to proceed. Note that you may get errors or \
             incorrect results if you make a mistake while using some of the unsafe features."
        ))
    }
}

impl Planner<'_> {
    pub(super) fn check_select(&self, select: &Select, ordering: &Ordering<'_>) -> Result<()> {
        self.check_table_functions(select, ordering)?;
        self.check_groups(select)?;
        check_windows(select)?;
        check_aliases(select)?;
        self.check_strictly(select)
    }

    /// A table function makes all of a select list, of rows as they come.
    fn check_table_functions(&self, select: &Select, ordering: &Ordering<'_>) -> Result<()> {
        let SelectItems::List(items) = &select.items else { return Ok(()) };
        let is_call = |expr: &Ast| match &expr.kind {
            ExprKind::Function(call) => self.is_table_function(call),
            _ => false,
        };
        let Some(item) = items.iter().find(|item| is_call(&item.expr)) else { return Ok(()) };
        let problem = match () {
            () if items.len() > 1 => Problem::TableFunctionAmongOthers,
            () if select.group_by.is_some() => Problem::TableFunctionWith("GROUP BY"),
            () if !ordering.sort_by.is_empty() => Problem::TableFunctionWith("SORT BY"),
            () if !ordering.cluster_by.is_empty() => Problem::TableFunctionWith("CLUSTER BY"),
            () if !ordering.distribute_by.is_empty() => Problem::TableFunctionWith("DISTRIBUTE BY"),
            () if has_lateral_view(select) => Problem::TableFunctionBesideView,
            () => return Ok(()),
        };
        Err(problem.at(item.expr.span))
    }

    fn check_groups(&self, select: &Select) -> Result<()> {
        if let (Some(having), None, false) = (&select.having, &select.group_by, select.distinct)
            && !expressions(select).any(|expr| counts(expr, &|_| true) > 0)
        {
            return Err(Problem::Invalid("HAVING specified without GROUP BY".to_owned()).at(having.span));
        }
        let distinct: usize = expressions(select).map(|expr| counts(expr, &|call| call.distinct)).sum();
        if self.options.groups_are_skewed && distinct > 1 {
            return Err(Problem::DistinctsInSkew.at(select.span));
        }
        let Some(group_by) = &select.group_by else { return Ok(()) };
        if let Some(nested) =
            group_by.exprs.iter().find(|expr| walk::any(expr, &mut |expr| walk::query_of(expr).is_some()))
        {
            return Err(Problem::SubqueryNotAllowed.at(nested.span));
        }
        if group_by.sets != GroupingSets::None && !self.options.groups_where_read {
            return Err(Problem::GroupingSetsByReducers.at(group_by.span));
        }
        Ok(())
    }

    fn check_strictly(&self, select: &Select) -> Result<()> {
        let strict = &self.options.strict;
        if strict.products && select.filter.is_none() && is_product(&select.from) {
            return Err(StrictChecks::refused("Cartesian products", "cartesian.product").at(select.span));
        }
        if strict.all_partitions {
            for table in &select.from {
                self.check_partitions(table, select)?;
            }
        }
        Ok(())
    }

    fn check_partitions(&self, table: &TableExpr, select: &Select) -> Result<()> {
        match table {
            TableExpr::Table(table) => self.check_keys(table, select),
            TableExpr::Join(join) => {
                self.check_partitions(&join.left, select)?;
                self.check_partitions(&join.right, select)
            }
            TableExpr::LateralView { input, .. } => self.check_partitions(input, select),
            _ => Ok(()),
        }
    }

    /// Whether a condition names a key of the table.
    fn check_keys(&self, table: &TableRef, select: &Select) -> Result<()> {
        let name = TableName::of(&table.name, &self.database.borrow());
        let Some(Bound::Table(bound)) = self.tables.bound.get(&name) else { return Ok(()) };
        let keys = &bound.columns[bound.columns.len().saturating_sub(bound.partition_columns)..];
        let mut names_key = |expr: &Ast| match &expr.kind {
            ExprKind::Name(name) | ExprKind::Field(_, name) => keys.iter().any(|(key, _)| name.is(key)),
            _ => false,
        };
        let mut conditions: Vec<&Ast> = select.filter.iter().collect();
        select.from.iter().for_each(|table| conditions_of(table, &mut conditions));
        if keys.is_empty() || conditions.into_iter().any(|condition| walk::any(condition, &mut names_key)) {
            return Ok(());
        }
        let what = format!(
            "No partition predicate for Alias \"{0}\" Table \"{0}\": Queries against partitioned tables without a partition filter",
            name.name
        );
        Err(StrictChecks::refused(&what, "no.partition.filter").at(table.span))
    }
}

/// CLUSTER BY is about the columns of the select list.
pub(super) fn check_names(key: &Ast, items: &[(String, Typed)], place: &Place<'_>) -> Result<()> {
    let is_there = |name: &Name| items.iter().any(|(item, _)| *item == name.folded());
    let mut stray = None;
    walk::any(key, &mut |expr| {
        let (table, name) = match &expr.kind {
            ExprKind::Name(name) => (None, name),
            ExprKind::Field(base, name) => match &base.kind {
                ExprKind::Name(table) => (Some(table), name),
                _ => return false,
            },
            _ => return false,
        };
        let is_table = |name: &Name| place.scope.has_relation(&name.folded());
        match table {
            Some(table) if !is_there(table) && is_table(table) && !is_there(name) => {
                stray = Some(name.clone())
            }
            None if !is_there(name) && !is_table(name) && place.scope.names_column(&name.folded()) => {
                stray = Some(name.clone());
            }
            _ => {}
        }
        false
    });
    match stray {
        None => Ok(()),
        Some(name) => {
            let candidates = items.iter().map(|(item, _)| item.as_str()).collect::<Vec<_>>().join(", ");
            Err(Problem::ColumnNotFound { name: name.text.clone(), candidates }.at(name.span))
        }
    }
}

fn has_lateral_view(select: &Select) -> bool {
    !select.views.is_empty() || select.from.iter().any(|table| matches!(table, TableExpr::LateralView { .. }))
}

fn check_windows(select: &Select) -> Result<()> {
    for (index, (name, _)) in select.windows.iter().enumerate() {
        if select.windows[..index].iter().any(|(earlier, _)| name.is(&earlier.text)) {
            let text = format!("Duplicate definition of window {} is not allowed", name.text);
            return Err(Problem::Invalid(text).at(name.span));
        }
    }
    Ok(())
}

/// No two tables of a FROM are called the same.
fn check_aliases(select: &Select) -> Result<()> {
    let mut aliases = Vec::new();
    select.from.iter().for_each(|table| aliases_of(table, &mut aliases));
    for (index, (alias, span)) in aliases.iter().enumerate() {
        if aliases[..index].iter().any(|(earlier, _)| earlier == alias) {
            return Err(Problem::AmbiguousAlias(alias.clone()).at(*span));
        }
    }
    Ok(())
}

fn aliases_of(table: &TableExpr, found: &mut Vec<(String, Span)>) {
    match table {
        TableExpr::Table(table) => {
            let alias = table.alias.as_ref().or(table.name.parts.last());
            found.extend(alias.map(|alias| (alias.folded(), table.span)));
        }
        TableExpr::Derived { alias: Some(alias), span, .. } => found.push((alias.folded(), *span)),
        TableExpr::Join(join) => {
            aliases_of(&join.left, found);
            aliases_of(&join.right, found);
        }
        TableExpr::LateralView { input, .. } => aliases_of(input, found),
        _ => {}
    }
}

/// What stands in the select list and in HAVING.
fn expressions(select: &Select) -> impl Iterator<Item = &Ast> {
    let items = match &select.items {
        SelectItems::List(items) => items.as_slice(),
        SelectItems::Transform(_) => &[],
    };
    items.iter().map(|item| &item.expr).chain(&select.having)
}

/// How many such aggregates there are in an expression.
fn counts(expr: &Ast, is_such: &dyn Fn(&FunctionCall) -> bool) -> usize {
    let mut count = 0;
    walk::any(expr, &mut |expr| {
        if let ExprKind::Function(call) = &expr.kind
            && call.over.is_none()
            && registry::aggregate(&super::call::function_name(call)).is_some()
            && is_such(call)
        {
            count += 1;
        }
        false
    });
    count
}

fn is_product(from: &[TableExpr]) -> bool {
    let joins_all = |table: &TableExpr| match table {
        TableExpr::Join(join) => {
            let kind = matches!(join.kind, JoinKind::Inner | JoinKind::Cross);
            kind && matches!(join.condition, JoinCondition::None)
        }
        _ => false,
    };
    from.len() > 1 || from.iter().any(joins_all)
}

fn conditions_of<'a>(table: &'a TableExpr, found: &mut Vec<&'a Ast>) {
    match table {
        TableExpr::Join(join) => {
            if let JoinCondition::On(condition) = &join.condition {
                found.push(condition);
            }
            conditions_of(&join.left, found);
            conditions_of(&join.right, found);
        }
        TableExpr::LateralView { input, .. } => conditions_of(input, found),
        _ => {}
    }
}
