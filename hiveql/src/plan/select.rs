//! SELECT, in the order in which its clauses act: FROM, WHERE, GROUP BY, HAVING, windows, QUALIFY, the select list,
//! DISTINCT, ORDER BY.

use super::{
    Field, Planner, Problem, Relation, Result, Typed,
    aggregate::Aggregates,
    checks::check_names,
    expr::{Keys, Place},
    relation::Scope,
};
use crate::syntax::ast::{
    Expr as Ast, ExprKind, GroupBy, Literal, Name, ObjectName, OrderBy, Query, Select, SelectItem,
    SelectItems,
};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, SortExpr, utils::find_aggregate_exprs};
use std::cell::RefCell;

/// What orders and places the rows of a query.
#[derive(Clone, Copy, Default)]
pub(super) struct Ordering<'a> {
    pub order_by: &'a [OrderBy],
    pub sort_by: &'a [OrderBy],
    pub distribute_by: &'a [Ast],
    pub cluster_by: &'a [Ast],
}

impl<'a> Ordering<'a> {
    pub fn of(query: &'a Query) -> Ordering<'a> {
        Ordering {
            order_by: &query.order_by,
            sort_by: &query.sort_by,
            distribute_by: &query.distribute_by,
            cluster_by: &query.cluster_by,
        }
    }

    /// ORDER BY is one order of all rows; the others say what reducers get and how each of them sorts it.
    pub fn is_total(&self) -> bool {
        !self.order_by.is_empty()
    }

    /// The keys that rows are sorted by.
    pub fn keys(&self) -> Vec<OrderBy> {
        let ascending = |expr: &Ast| OrderBy { expr: expr.clone(), descending: false, nulls_first: None };
        match (self.order_by, self.sort_by) {
            ([], []) => spread(self.cluster_by).map(ascending).collect(),
            ([], sort_by) => sort_by.iter().flat_map(spread_key).collect(),
            (order_by, _) => order_by.iter().flat_map(spread_key).collect(),
        }
    }

    /// What decides which reducer gets a row.
    pub fn distribution(&self) -> impl Iterator<Item = &'a Ast> {
        spread(self.distribute_by).chain(spread(self.cluster_by))
    }

    pub fn check(&self) -> Result<()> {
        let said = [
            ("ORDER BY", !self.order_by.is_empty()),
            ("CLUSTER BY", !self.cluster_by.is_empty()),
            ("DISTRIBUTE BY", !self.distribute_by.is_empty()),
            ("SORT BY", !self.sort_by.is_empty()),
        ];
        for (first, second) in [(1, 2), (0, 2), (1, 3), (0, 3), (1, 0)] {
            if said[first].1 && said[second].1 {
                let text = format!("Cannot have both {} and {} clauses", said[first].0, said[second].0);
                return Err(Problem::Invalid(text).into());
            }
        }
        Ok(())
    }
}

/// `DISTRIBUTE BY (a, b)` is `DISTRIBUTE BY a, b`.
fn spread(exprs: &[Ast]) -> impl Iterator<Item = &Ast> {
    exprs.iter().flat_map(|expr| match &expr.kind {
        ExprKind::Tuple(inner) => inner.as_slice(),
        _ => std::slice::from_ref(expr),
    })
}

fn spread_key(key: &OrderBy) -> Vec<OrderBy> {
    let exprs = spread(std::slice::from_ref(&key.expr));
    exprs.map(|expr| OrderBy { expr: expr.clone(), ..key.clone() }).collect()
}

/// What surrounds a SELECT.
pub(super) struct SelectContext<'a> {
    /// What it reads instead of a FROM of its own.
    pub from: Option<Relation>,
    pub outer: Option<&'a Scope<'a>>,
}

impl<'a> SelectContext<'a> {
    pub fn new(outer: Option<&'a Scope<'a>>) -> SelectContext<'a> {
        SelectContext { from: None, outer }
    }
}

/// One column of the select list.
enum Item<'a> {
    Field(Field),
    Expr { expr: &'a Ast, name: String },
}

/// All expressions that stand after WHERE, as they are rewritten from step to step.
struct Outputs {
    items: Vec<(String, Typed)>,
    /// Which of them share their names.
    twice: Vec<bool>,
    having: Option<Expr>,
    qualify: Option<Expr>,
    order: Order,
}

/// How the rows are ordered in the end, over the rows that the select list is made of.
struct Order {
    is_total: bool,
    distribute: Vec<Expr>,
    sort: Vec<SortExpr>,
}

impl Order {
    fn exprs(&mut self) -> impl Iterator<Item = &mut Expr> {
        self.distribute.iter_mut().chain(self.sort.iter_mut().map(|key| &mut key.expr))
    }
}

impl Outputs {
    fn exprs(&mut self) -> impl Iterator<Item = &mut Expr> {
        self.items
            .iter_mut()
            .map(|(_, value)| &mut value.expr)
            .chain(&mut self.having)
            .chain(&mut self.qualify)
            .chain(self.order.exprs())
    }
}

impl Planner<'_> {
    pub(super) fn select(
        &self,
        select: &Select,
        ordering: &Ordering<'_>,
        context: SelectContext<'_>,
    ) -> Result<Relation> {
        let outer = context.outer;
        ordering.check().map_err(|error| error.or_at(select.span))?;
        self.check_select(select, ordering)?;
        let mut relation = match context.from {
            Some(from) => from,
            None => self.from(&select.from, outer)?,
        };
        for view in &select.views {
            relation = self.lateral_view(relation, view, outer)?;
        }
        if let Some(filter) = &select.filter {
            relation = self.filtered(relation, filter, outer)?;
        }
        match &select.items {
            SelectItems::List(items) => self.select_list(select, items, ordering, relation, outer),
            SelectItems::Transform(transform) => {
                let item = |expr: &Ast| SelectItem { expr: expr.clone(), aliases: vec![] };
                let items: Vec<_> = transform.args.iter().map(item).collect();
                let relation = self.select_list(select, &items, &Ordering::default(), relation, outer)?;
                let relation =
                    self.scripted(relation, transform).map_err(|error| error.or_at(transform.span))?;
                self.order_result(relation, ordering, outer)
            }
        }
    }

    fn select_list(
        &self,
        select: &Select,
        items: &[SelectItem],
        ordering: &Ordering<'_>,
        mut relation: Relation,
        outer: Option<&Scope<'_>>,
    ) -> Result<Relation> {
        let items = self.items(items, &mut relation, outer)?;
        let scope_fields = relation.fields.clone();
        let scope = Scope::new(&scope_fields, outer);
        let keys = self.keys(select.group_by.as_ref(), &items, scope)?;
        let inner = RefCell::default();
        let groups_scope = Scope { inner_aggregates: Some(&inner), ..scope };
        let mut outputs = self.outputs(select, ordering, &items, groups_scope, &keys)?;
        let aggregates = Aggregates {
            here: find_aggregate_exprs(outputs.exprs().map(|expr| &*expr)),
            inner: inner.take(),
        };
        if select.group_by.is_some() || !aggregates.is_empty() {
            let sets = select.group_by.as_ref();
            relation = self.aggregated(relation, &keys, sets, scope, aggregates, outputs.exprs())?;
        }
        if let Some(having) = outputs.having.take() {
            relation.plan = LogicalPlanBuilder::from(relation.plan).filter(having)?.build()?;
        }
        relation = self.windowed(relation, outputs.exprs())?;
        if let Some(qualify) = outputs.qualify.take() {
            relation.plan = LogicalPlanBuilder::from(relation.plan).filter(qualify)?.build()?;
        }
        self.output(relation, select.distinct, outputs)
    }

    fn filtered(&self, relation: Relation, filter: &Ast, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let place = Place::plain("WHERE", Scope::new(&relation.fields, outer));
        let condition = self.condition(filter, &place, "the condition of WHERE")?;
        let plan = LogicalPlanBuilder::from(relation.plan).filter(condition)?.build()?;
        Ok(Relation { plan, fields: relation.fields })
    }

    /// The select list with its stars spread out and its table function applied.
    fn items<'b>(
        &self,
        list: &'b [SelectItem],
        relation: &mut Relation,
        outer: Option<&Scope<'_>>,
    ) -> Result<Vec<Item<'b>>> {
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            match &item.expr.kind {
                ExprKind::Star(of) => {
                    items.extend(self.star(of.as_ref(), &relation.fields)?.into_iter().map(Item::Field))
                }
                ExprKind::Name(name) if self.is_pattern(name) => {
                    items.extend(matching(name, None, relation)?.into_iter().map(Item::Field));
                }
                ExprKind::Field(of, name) if self.is_pattern(name) => {
                    let ExprKind::Name(of) = &of.kind else {
                        return Err(Problem::AliasNotFound(name.folded()).at(of.span));
                    };
                    items.extend(matching(name, Some(of), relation)?.into_iter().map(Item::Field));
                }
                ExprKind::Function(call) if self.is_table_function(call) => {
                    let made = self.lateral(relation, call, false, &item.aliases, outer)?;
                    items.extend(made.into_iter().map(Item::Field));
                }
                _ => {
                    let name = match item.aliases.as_slice() {
                        [] => implied_name(&item.expr, items.len(), list),
                        [alias] => alias.folded(),
                        several => {
                            let error = Problem::AliasCount { expected: 1, found: several.len() };
                            return Err(error.at(item.expr.span));
                        }
                    };
                    items.push(Item::Expr { expr: &item.expr, name });
                }
            }
        }
        Ok(items)
    }

    /// The columns that a star stands for.
    /// A back-quoted name that can be none is a regular expression, where that is asked for.
    fn is_pattern(&self, name: &Name) -> bool {
        let is_plain = |part: char| part.is_alphanumeric() || part == '_';
        self.options.regex_columns && name.quoted && !name.text.chars().all(is_plain)
    }

    pub(super) fn star(&self, of: Option<&ObjectName>, fields: &[Field]) -> Result<Vec<Field>> {
        let visible = fields.iter().filter(|field| !field.hidden);
        let Some(of) = of else { return Ok(visible.cloned().collect()) };
        let alias = of.parts.last().map(Name::folded);
        let fields: Vec<_> = visible.filter(|field| field.relation == alias).cloned().collect();
        if fields.is_empty() {
            return Err(Problem::AliasNotFound(alias.unwrap_or_default()).at(of.span));
        }
        Ok(fields)
    }

    /// The keys of GROUP BY: expressions over FROM, and names or positions of the select list.
    fn keys(&self, group_by: Option<&GroupBy>, items: &[Item<'_>], scope: Scope<'_>) -> Result<Vec<Typed>> {
        let Some(group_by) = group_by else { return Ok(vec![]) };
        let place = Place::plain("GROUP BY", scope);
        let key = |expr: &Ast| -> Result<Typed> {
            if let ExprKind::Literal(Literal::Number(digits)) = &expr.kind
                && self.options.group_by_position
                && let Ok(position) = digits.parse::<usize>()
            {
                let item = position.checked_sub(1).and_then(|index| items.get(index));
                return match item {
                    Some(item) => self.item(item, &place),
                    None => Err(Problem::Invalid(format!(
                        "Invalid position alias in Group By: Position alias {position} does not exist; the select list has {} columns",
                        items.len()
                    ))
                    .at(expr.span)),
                };
            }
            if let ExprKind::Name(name) = &expr.kind
                && scope.find(None, &name.folded(), name.span)?.is_none()
                && let Some(item) = items
                    .iter()
                    .find(|item| matches!(item, Item::Expr { name: alias, .. } if *alias == name.folded()))
            {
                return self.item(item, &place);
            }
            self.expr(expr, &place)
        };
        group_by.exprs.iter().map(key).collect()
    }

    fn item(&self, item: &Item<'_>, place: &Place<'_>) -> Result<Typed> {
        match item {
            Item::Field(field) => Ok(field.typed()),
            Item::Expr { expr, .. } => self.expr(expr, place),
        }
    }

    fn outputs(
        &self,
        select: &Select,
        ordering: &Ordering<'_>,
        items: &[Item<'_>],
        scope: Scope<'_>,
        keys: &[Typed],
    ) -> Result<Outputs> {
        let sets = |group_by: &GroupBy| group_by.sets != crate::syntax::ast::GroupingSets::None;
        let place = Place {
            aggregates: true,
            windows: Some(&select.windows),
            keys: select.group_by.as_ref().map(|group_by| Keys { exprs: keys, has_sets: sets(group_by) }),
            ..Place::plain("SELECT", scope)
        };
        let mut planned = Vec::with_capacity(items.len());
        for item in items {
            let name = match item {
                Item::Field(field) => field.name.clone(),
                Item::Expr { name, .. } => name.clone(),
            };
            planned.push((name, self.item(item, &place)?));
        }
        let having = match &select.having {
            None => None,
            Some(having) => {
                let place = Place { clause: "HAVING", aliases: &planned, windows: None, ..place };
                Some(self.condition(having, &place, "the condition of HAVING")?)
            }
        };
        let after = Place { clause: "ORDER BY", aliases: &planned, aliases_first: true, ..place };
        let qualify = match &select.qualify {
            None => None,
            Some(qualify) => Some(self.condition(
                qualify,
                &Place { clause: "QUALIFY", ..after },
                "the condition of QUALIFY",
            )?),
        };
        let order = self.order(ordering, &planned, &after)?;
        let twice = self.shared_names(items, &planned);
        Ok(Outputs { items: planned, twice, having, qualify, order })
    }

    /// Columns that are written under one name, and what a star finds so: there they are, but nothing can name them.
    fn shared_names(&self, items: &[Item<'_>], planned: &[(String, Typed)]) -> Vec<bool> {
        let is_written = |index: usize| matches!(items.get(index), Some(Item::Expr { .. }));
        let shared = |(index, (name, value)): (usize, &(String, Typed))| match &value.expr {
            _ if is_written(index) => {
                let same = planned
                    .iter()
                    .enumerate()
                    .filter(|(other, (written, _))| written == name && is_written(*other));
                same.count() > 1
            }
            Expr::Column(column) => self.ambiguous.borrow().contains(column),
            _ => false,
        };
        planned.iter().enumerate().map(shared).collect()
    }

    fn order(&self, ordering: &Ordering<'_>, items: &[(String, Typed)], place: &Place<'_>) -> Result<Order> {
        let is_total = ordering.is_total();
        if !is_total {
            ordering.cluster_by.iter().try_for_each(|key| check_names(key, items, place))?;
        }
        let mut sort = Vec::new();
        for key in ordering.keys() {
            let position = if is_total { self.position(&key, items)? } else { None };
            let value = match position {
                Some(value) => value,
                None => self.expr(&key.expr, place)?,
            };
            sort.push(self.sort_expr(value, &key));
        }
        let distribute = ordering.distribution().map(|expr| Ok(self.expr(expr, place)?.expr));
        Ok(Order { is_total, distribute: distribute.collect::<Result<_>>()?, sort })
    }

    fn ordered(&self, relation: Relation, order: Order) -> Result<Relation> {
        match order.is_total {
            true => self.sorted(relation, order.sort),
            false => self.reduced(relation, order.distribute, order.sort),
        }
    }

    /// Ordered where only the result's columns can be named.
    pub(super) fn order_result(
        &self,
        relation: Relation,
        ordering: &Ordering<'_>,
        outer: Option<&Scope<'_>>,
    ) -> Result<Relation> {
        let items: Vec<_> = relation.fields.iter().map(|field| (field.name.clone(), field.typed())).collect();
        let place = Place::plain("ORDER BY", Scope::new(&relation.fields, outer));
        let order = self.order(ordering, &items, &place)?;
        self.ordered(relation, order)
    }

    /// The select list, then DISTINCT, then ORDER BY over it and over what it leaves out.
    fn output(&self, relation: Relation, distinct: bool, outputs: Outputs) -> Result<Relation> {
        let width = outputs.items.len();
        let mut columns = outputs.items;
        let mut order = outputs.order;
        let mut hidden = Vec::new();
        for key in order.exprs() {
            let known = columns.iter().position(|(_, value)| value.expr == *key);
            let index = match known {
                Some(index) => index,
                None if matches!(key, Expr::Literal(..)) => continue,
                None if distinct => {
                    let text = "ORDER BY of a SELECT DISTINCT can name only what is in the select list";
                    return Err(Problem::Invalid(text.to_owned()).into());
                }
                None => {
                    hidden.push(columns.len());
                    // Only its place matters: it is sorted by and dropped.
                    columns.push((String::new(), Typed::new(key.clone(), crate::types::HiveType::Void)));
                    columns.len() - 1
                }
            };
            *key = Expr::Placeholder(datafusion::logical_expr::expr::Placeholder::new_with_field(
                index.to_string(),
                None,
            ));
        }
        let mut relation = self.project(relation, columns)?;
        for (field, _) in relation.fields.iter().zip(outputs.twice).filter(|(_, twice)| *twice) {
            self.ambiguous.borrow_mut().insert(field.column.clone());
        }
        if distinct {
            relation = self.distinct(relation)?;
        }
        for key in order.exprs() {
            if let Expr::Placeholder(index) = &*key
                && let Some(field) =
                    index.id.parse::<usize>().ok().and_then(|index| relation.fields.get(index))
            {
                *key = field.expr();
            }
        }
        relation = self.ordered(relation, order)?;
        if !hidden.is_empty() {
            relation.fields.truncate(width);
            let exprs = relation.fields.iter().map(Field::expr).collect::<Vec<_>>();
            relation.plan = LogicalPlanBuilder::from(relation.plan).project(exprs)?.build()?;
        }
        Ok(relation)
    }
}

/// What a column is called that got no alias: its own name, or its place.
fn implied_name(expr: &Ast, index: usize, list: &[SelectItem]) -> String {
    // A cast is called as what it casts.
    let mut named = expr;
    while let ExprKind::Cast { expr: inner, .. } = &named.kind {
        named = inner;
    }
    let mut implied = match &named.kind {
        ExprKind::Name(name) | ExprKind::Field(_, name) => return name.folded(),
        _ => format!("_c{index}"),
    };
    while list.iter().flat_map(|item| &item.aliases).any(|alias| alias.folded() == implied) {
        implied.push('_');
    }
    implied
}

/// The columns, of one table or of all, that a back-quoted regular expression matches.
fn matching(name: &Name, of: Option<&Name>, relation: &Relation) -> Result<Vec<Field>> {
    let invalid = || Problem::Invalid(format!("Invalid column reference '{}'", name.text)).at(name.span);
    let pattern = fancy_regex::Regex::new(&format!("(?i)^(?:{})$", name.text)).map_err(|_| invalid())?;
    let of = of.map(Name::folded);
    let visible = relation.fields.iter().filter(|field| !field.hidden);
    let visible = visible.filter(|field| of.is_none() || field.relation == of);
    let matched = visible.filter(|field| pattern.is_match(&field.name).unwrap_or(false));
    let fields: Vec<_> = matched.cloned().collect();
    if fields.is_empty() { Err(invalid()) } else { Ok(fields) }
}
