//! GROUP BY, with grouping sets, and what may stand beside it.

use super::{
    Planner, Problem, Relation, Result, Typed, expr::Keys, literal::scalar, operators::binary,
    relation::Scope,
};
use crate::{
    syntax::ast::{self, GroupBy, GroupingSets},
    types::HiveType,
};
use datafusion::{
    common::{
        Column, ScalarValue,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    functions_aggregate::grouping::grouping_udaf,
    logical_expr::{
        Aggregate, Case, Expr, GroupingSet, LogicalPlan, LogicalPlanBuilder, Operator,
        expr::{AggregateFunction, Cast},
        lit,
    },
};
use std::collections::{BTreeSet, HashMap};

/// `grouping(args)`: a bit per argument, set where the row is a total over it. The last one is the lowest.
pub(super) fn grouping(args: &[Typed], keys: Keys<'_>) -> Typed {
    if !keys.has_sets {
        return scalar(ScalarValue::Int64(Some(0)), HiveType::BigInt);
    }
    let number = |value| Expr::Literal(ScalarValue::Int64(Some(value)), None);
    let bits = args.iter().rev().zip(0..i64::BITS).map(|(arg, place)| {
        let bit = Expr::Cast(Cast::new(Box::new(grouping_call(arg.expr.clone())), HiveType::BigInt.arrow()));
        binary(bit, Operator::BitwiseShiftLeft, number(i64::from(place)))
    });
    let all = bits.reduce(|all, bit| binary(all, Operator::BitwiseOr, bit));
    Typed::new(all.unwrap_or_else(|| number(0)), HiveType::BigInt)
}

fn grouping_call(arg: Expr) -> Expr {
    let call = AggregateFunction::new_udf(grouping_udaf(), vec![arg], false, None, vec![], None);
    Expr::AggregateFunction(call)
}

/// The aggregates over the rows of a SELECT.
pub(super) struct Aggregates {
    pub here: Vec<Expr>,
    /// Those that queries inside of it name, under the columns by which these know them.
    pub inner: Vec<(Expr, Column)>,
}

impl Aggregates {
    pub fn is_empty(&self) -> bool {
        self.here.is_empty() && self.inner.is_empty()
    }
}

/// What is grouped by, as it goes on: columns of keys, calls of aggregates, and what is computed of both afterwards.
struct Groups {
    /// What each expression over the rows has become over the groups.
    replaced: HashMap<Expr, Column>,
    keys: HashMap<Expr, Column>,
    /// Keys that are in no grouping set: they are always NULL.
    absent: BTreeSet<String>,
    calls: Vec<Expr>,
    after: Vec<(String, Expr)>,
}

impl Planner<'_> {
    /// Groups the relation and rewrites `outputs`, which were made over its rows, to be made over its groups.
    pub(super) fn aggregated<'b>(
        &self,
        mut relation: Relation,
        keys: &[Typed],
        group_by: Option<&GroupBy>,
        scope: Scope<'_>,
        aggregates: Aggregates,
        outputs: impl Iterator<Item = &'b mut Expr>,
    ) -> Result<Relation> {
        let mut replaced = HashMap::new();
        let mut computed = Vec::new();
        let mut columns: Vec<Expr> = Vec::with_capacity(keys.len());
        for key in keys {
            let column = match (&key.expr, replaced.get(&key.expr)) {
                (_, Some(known)) => Expr::Column(Column::clone(known)),
                (Expr::Column(column), None) => {
                    replaced.insert(key.expr.clone(), column.clone());
                    key.expr.clone()
                }
                (expr, None) => {
                    let column = Column::new_unqualified(self.fresh("key"));
                    computed.push((column.name.clone(), expr.clone()));
                    replaced.insert(expr.clone(), column.clone());
                    Expr::Column(column)
                }
            };
            columns.push(column);
        }
        self.extend(&mut relation, computed)?;
        let group = match group_by {
            Some(group_by) => self.group_exprs(group_by, &columns)?,
            None => vec![],
        };
        let mut groups = Groups {
            keys: replaced.clone(),
            replaced,
            absent: BTreeSet::new(),
            calls: Vec::with_capacity(aggregates.here.len()),
            after: Vec::new(),
        };
        let has_sets = matches!(group.as_slice(), [Expr::GroupingSet(_)]);
        if let [Expr::GroupingSet(GroupingSet::GroupingSets(sets))] = group.as_slice() {
            for (column, key) in columns.iter().zip(keys) {
                if let Expr::Column(column) = column
                    && !sets.iter().flatten().any(|key| *key == Expr::Column(column.clone()))
                    && groups.absent.insert(column.name.clone())
                {
                    groups.after.push((column.name.clone(), self.null(&key.ty)?.expr));
                }
            }
        }
        for aggregate in aggregates.here {
            let known = aggregates.inner.iter().find(|(inner, _)| *inner == aggregate);
            if known.is_none() {
                let column = Column::new_unqualified(self.fresh("aggregate"));
                self.aggregate_column(aggregate, column, has_sets, &mut groups)?;
            }
        }
        for (aggregate, column) in aggregates.inner {
            self.aggregate_column(aggregate, column, has_sets, &mut groups)?;
        }
        let Groups { replaced, calls, after, .. } = groups;
        relation.plan = LogicalPlanBuilder::from(relation.plan).aggregate(group, calls)?.build()?;
        if has_sets {
            relation.plan = without_grouping_id(relation.plan)?;
        }
        self.extend(&mut relation, after)?;
        let grouped: BTreeSet<&str> = replaced.values().map(|column| column.name.as_str()).collect();
        for output in outputs {
            *output = replace(output.clone(), &replaced)?;
            if let Some(stray) =
                output.column_refs().iter().find(|column| !grouped.contains(column.name.as_str()))
            {
                let field = scope.fields.iter().find(|field| field.column == **stray);
                let name = field.map_or_else(|| stray.name.clone(), |field| field.name.clone());
                return Err(Problem::NotInGroupBy(name).into());
            }
        }
        Ok(relation)
    }

    /// Makes a column of an aggregate over the rows.
    fn aggregate_column(
        &self,
        aggregate: Expr,
        column: Column,
        has_sets: bool,
        groups: &mut Groups,
    ) -> Result<()> {
        let name = column.name.clone();
        let call = replace_in_grouping(aggregate.clone(), &groups.keys)?;
        groups.replaced.insert(aggregate, column);
        let Expr::AggregateFunction(function) = &call else {
            groups.calls.push(call.alias(name));
            return Ok(());
        };
        if function.func.name() == "grouping" {
            let absent = function.params.args.iter().any(|arg| is_named(arg, &groups.absent));
            match absent {
                true => groups.after.push((name, Expr::Literal(ScalarValue::Int32(Some(1)), None))),
                false => groups.calls.push(call.alias(name)),
            }
            return Ok(());
        }
        let keys = function.params.args.iter().filter_map(|arg| groups.keys.get(arg));
        let keys: Vec<Column> = keys.cloned().collect();
        if !has_sets || !function.params.distinct || keys.is_empty() {
            groups.calls.push(call.alias(name));
            return Ok(());
        }
        // DISTINCT over a key counts the key as the set has it: NULL in a total over it.
        let nothing = match function.func.name() {
            "count" => Expr::Literal(ScalarValue::Int64(Some(0)), None),
            _ => Expr::Literal(ScalarValue::Null, None),
        };
        let over_all = self.fresh("aggregate");
        groups.calls.push(call.alias(over_all.clone()));
        let mut branches = Vec::with_capacity(keys.len());
        for key in keys {
            let total = match groups.absent.contains(&key.name) {
                true => lit(true),
                false => {
                    let bit = self.fresh("aggregate");
                    groups.calls.push(grouping_call(Expr::Column(key)).alias(bit.clone()));
                    Expr::Column(Column::new_unqualified(bit)).eq(lit(1_i32))
                }
            };
            branches.push((Box::new(total), Box::new(nothing.clone())));
        }
        let otherwise = Some(Box::new(Expr::Column(Column::new_unqualified(over_all))));
        let value = Case { expr: None, when_then_expr: branches, else_expr: otherwise };
        groups.after.push((name, Expr::Case(value)));
        Ok(())
    }

    fn group_exprs(&self, group_by: &GroupBy, columns: &[Expr]) -> Result<Vec<Expr>> {
        let mut distinct: Vec<Expr> = Vec::with_capacity(columns.len());
        for column in columns {
            if !distinct.contains(column) {
                distinct.push(column.clone());
            }
        }
        let set = match &group_by.sets {
            GroupingSets::None => return Ok(distinct),
            GroupingSets::Cube => GroupingSet::Cube(distinct),
            GroupingSets::Rollup => GroupingSet::Rollup(distinct),
            GroupingSets::Sets(sets) => {
                let mut resolved: Vec<Vec<Expr>> = Vec::with_capacity(sets.len());
                for set in sets {
                    let keys =
                        set.iter().map(|expr| key_of(expr, group_by, columns)).collect::<Result<Vec<_>>>()?;
                    // Hive knows a set by the bits of its keys: what is written twice is one set.
                    let same = |other: &Vec<Expr>| {
                        other.iter().all(|key| keys.contains(key))
                            && keys.iter().all(|key| other.contains(key))
                    };
                    if !resolved.iter().any(same) {
                        resolved.push(keys);
                    }
                }
                GroupingSet::GroupingSets(resolved)
            }
        };
        Ok(vec![Expr::GroupingSet(set)])
    }
}

/// DataFusion's own column of the set: what `grouping` becomes hides it, so nothing above may count on it.
fn without_grouping_id(plan: LogicalPlan) -> Result<LogicalPlan> {
    let columns = plan.schema().columns().into_iter();
    let columns = columns.filter(|column| column.name != Aggregate::INTERNAL_GROUPING_ID);
    Ok(LogicalPlanBuilder::from(plan).project(columns.map(Expr::Column).collect::<Vec<_>>())?.build()?)
}

/// The key that an expression of GROUPING SETS repeats.
fn key_of(expr: &ast::Expr, group_by: &GroupBy, columns: &[Expr]) -> Result<Expr> {
    let index = group_by.exprs.iter().position(|key| same_text(key, expr));
    match index.and_then(|index| columns.get(index)) {
        Some(column) => Ok(column.clone()),
        None => {
            Err(Problem::Invalid("Grouping sets expression is not in GROUP BY key".to_owned()).at(expr.span))
        }
    }
}

/// Whether two expressions are written alike, wherever they stand.
fn same_text(left: &ast::Expr, right: &ast::Expr) -> bool {
    use ast::ExprKind::{Field, Name};
    match (&left.kind, &right.kind) {
        (Name(left), Name(right)) => left.is(&right.text),
        (Field(left_base, left), Field(right_base, right)) => {
            left.is(&right.text) && same_text(left_base, right_base)
        }
        // A key with its table in front, repeated without, or the other way round.
        (Field(_, left), Name(right)) | (Name(left), Field(_, right)) => left.is(&right.text),
        _ => left == right,
    }
}

fn is_named(expr: &Expr, names: &BTreeSet<String>) -> bool {
    matches!(expr, Expr::Column(column) if names.contains(&column.name))
}

/// `grouping` counts keys, so it takes them as they are after the keys were computed.
fn replace_in_grouping(call: Expr, keys: &HashMap<Expr, Column>) -> Result<Expr> {
    match &call {
        Expr::AggregateFunction(function) if function.func.name() == "grouping" => replace_below(call, keys),
        _ => Ok(call),
    }
}

fn replace_below(call: Expr, replaced: &HashMap<Expr, Column>) -> Result<Expr> {
    Ok(call
        .map_children(|child| {
            replace(child, replaced).map(Transformed::yes).map_err(|error| match error.problem {
                Problem::DataFusion(error) => error,
                other => datafusion::error::DataFusionError::External(Box::new(other)),
            })
        })?
        .data)
}

/// Puts columns in the place of the expressions that they hold.
pub(super) fn replace(expr: Expr, replaced: &HashMap<Expr, Column>) -> Result<Expr> {
    let rewritten = expr.transform_down(|node| match replaced.get(&node) {
        Some(column) => Ok(Transformed::new(Expr::Column(column.clone()), true, TreeNodeRecursion::Jump)),
        None => Ok(Transformed::no(node)),
    })?;
    Ok(rewritten.data)
}
