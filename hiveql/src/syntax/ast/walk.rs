//! Finds the tables that a tree names, also in queries inside of expressions, and what expressions are made of.

use super::*;

/// Calls `visit` with each name that may be a table's: names of CTEs are among them, and some come more than once.
pub fn tables(query: &Query, visit: &mut dyn FnMut(&ObjectName)) {
    for cte in &query.with {
        tables(&cte.query, visit);
    }
    body(&query.body, visit);
    let keys = query.order_by.iter().chain(&query.sort_by).map(|key| &key.expr);
    for expr in keys.chain(&query.distribute_by).chain(&query.cluster_by) {
        tables_of_expr(expr, visit);
    }
}

fn body(of: &QueryBody, visit: &mut dyn FnMut(&ObjectName)) {
    match of {
        QueryBody::Select(of) => tables_of_select(of, visit),
        QueryBody::Values(rows) => rows.iter().flatten().for_each(|expr| tables_of_expr(expr, visit)),
        QueryBody::Query(query) => tables(query, visit),
        QueryBody::SetOperation { left, right, .. } => {
            body(left, visit);
            body(right, visit);
        }
    }
}

/// The tables of one SELECT.
pub fn tables_of_select(select: &Select, visit: &mut dyn FnMut(&ObjectName)) {
    for table in &select.from {
        tables_of_from(table, visit);
    }
    match &select.items {
        SelectItems::List(items) => items.iter().for_each(|item| tables_of_expr(&item.expr, visit)),
        SelectItems::Transform(transform) => transform.args.iter().for_each(|arg| tables_of_expr(arg, visit)),
    }
    let views = select.views.iter().flat_map(|view| &view.call.args);
    views.for_each(|arg| tables_of_expr(arg, visit));
    let keys = select.group_by.iter().flat_map(|group_by| &group_by.exprs);
    for expr in select.filter.iter().chain(keys).chain(&select.having).chain(&select.qualify) {
        tables_of_expr(expr, visit);
    }
}

/// The tables of one item of FROM.
pub fn tables_of_from(table: &TableExpr, visit: &mut dyn FnMut(&ObjectName)) {
    match table {
        TableExpr::Table(table) => visit(&table.name),
        TableExpr::Derived { query, .. } => tables(query, visit),
        TableExpr::Function { call, .. } => call.args.iter().for_each(|arg| tables_of_expr(arg, visit)),
        TableExpr::Join(join) => {
            tables_of_from(&join.left, visit);
            tables_of_from(&join.right, visit);
            if let JoinCondition::On(condition) = &join.condition {
                tables_of_expr(condition, visit);
            }
        }
        TableExpr::LateralView { input, view } => {
            tables_of_from(input, visit);
            view.call.args.iter().for_each(|arg| tables_of_expr(arg, visit));
        }
        TableExpr::UniqueJoin { inputs, .. } => {
            for input in inputs {
                tables_of_from(&input.table, visit);
                input.keys.iter().for_each(|key| tables_of_expr(key, visit));
            }
        }
    }
}

/// The tables of the queries in an expression.
#[recursive::recursive]
pub fn tables_of_expr(expr: &Expr, visit: &mut dyn FnMut(&ObjectName)) {
    children(expr).into_iter().for_each(|child| tables_of_expr(child, visit));
    if let Some(query) = query_of(expr) {
        tables(query, visit);
    }
}

/// Whether it holds for an expression, or for one inside of it; not looked into are queries.
#[recursive::recursive]
pub fn any(expr: &Expr, holds: &mut dyn FnMut(&Expr) -> bool) -> bool {
    holds(expr) || children(expr).into_iter().any(|child| any(child, holds))
}

/// The query that an expression is made of.
pub fn query_of(expr: &Expr) -> Option<&Query> {
    match &expr.kind {
        ExprKind::InQuery { query, .. }
        | ExprKind::Quantified { query, .. }
        | ExprKind::Exists(query)
        | ExprKind::Query(query) => Some(query),
        _ => None,
    }
}

/// The expressions that one is made of.
fn children(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Literal(_)
        | ExprKind::Name(_)
        | ExprKind::Star(_)
        | ExprKind::Exists(_)
        | ExprKind::Query(_) => vec![],
        ExprKind::Field(inner, _)
        | ExprKind::Unary(_, inner)
        | ExprKind::IsNull { expr: inner, .. }
        | ExprKind::IsTruth { expr: inner, .. }
        | ExprKind::Cast { expr: inner, .. }
        | ExprKind::Extract { expr: inner, .. }
        | ExprKind::FloorTo { expr: inner, .. }
        | ExprKind::InQuery { expr: inner, .. }
        | ExprKind::Quantified { expr: inner, .. }
        | ExprKind::Interval { value: inner, .. } => vec![inner],
        ExprKind::Index(left, right)
        | ExprKind::Binary(_, left, right)
        | ExprKind::IsDistinct { left, right, .. } => vec![left, right],
        ExprKind::Between { expr, low, high, .. } => vec![expr, low, high],
        ExprKind::In { expr, list, .. } => std::iter::once(&**expr).chain(list).collect(),
        ExprKind::Like(like) => {
            std::iter::once(&*like.expr).chain(&like.patterns).chain(like.escape.as_deref()).collect()
        }
        ExprKind::Case { operand, branches, otherwise } => {
            let branches = branches.iter().flat_map(|(when, then)| [when, then]);
            operand.as_deref().into_iter().chain(branches).chain(otherwise.as_deref()).collect()
        }
        ExprKind::Function(call) => call.args.iter().chain(call.filter.as_deref()).collect(),
        ExprKind::Tuple(list) => list.iter().collect(),
    }
}
