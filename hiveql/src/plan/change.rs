//! UPDATE, DELETE and MERGE: which files hold rows that change, what becomes of the rows of these files, and which are added.
//!
//! Files do not change. So a change has up to three plans: [`Planner::affected`] finds the files, [`Planner::rewritten`]
//! reads nothing but these and makes their rows anew, [`Planner::added`] makes the rows of WHEN NOT MATCHED.

use super::{BoundTable, Field, InsertInto, Planner, Problem, Relation, Result, TableName, Typed};
use super::{expr::Place, relation::Scope};
use crate::{
    formats::VirtualColumn,
    syntax::ast::{Expr as Ast, ExprKind, Name, TableExpr},
    types::HiveType,
};
use datafusion::{
    common::{Column, tree_node::TreeNode},
    functions_aggregate::expr_fn::{count, max},
    logical_expr::{Case, Expr, JoinType, LogicalPlan, LogicalPlanBuilder, lit},
};

/// Rows of a table that change.
pub struct Change<'a> {
    pub table: TableName,
    /// What stands before its columns.
    pub alias: String,
    /// All of it, with the virtual columns.
    pub rows: &'a BoundTable,
    /// USING and ON of a MERGE; an UPDATE or DELETE has one branch and no source.
    pub source: Option<(&'a TableExpr, &'a Ast)>,
    /// The first whose condition is true says what becomes of a row.
    pub matched: Vec<Matched<'a>>,
    /// Columns that no row may change.
    pub keys: &'a [String],
    pub bucket_columns: &'a [String],
}

pub struct Matched<'a> {
    pub condition: Option<&'a Ast>,
    /// `None`: the row goes.
    pub set: Option<&'a [(Name, Ast)]>,
}

/// WHEN NOT MATCHED.
pub struct Unmatched<'a> {
    pub condition: Option<&'a Ast>,
    pub columns: &'a [Name],
    pub values: &'a [Ast],
}

/// The number of the branch that a row goes through, from 1; 0 for one that stays.
const BRANCH: &str = "branch";

impl Planner<'_> {
    /// Whether the columns that are set may be.
    pub fn check_change(&self, change: &Change<'_>) -> Result<()> {
        change.matched.iter().filter_map(|matched| matched.set).try_for_each(|set| check_set(change, set))
    }

    /// A row for each file that holds a row that matches: its INPUT__FILE__NAME, by how many rows of the source a row of it
    /// is matched at most, how many of its rows change, how many of these go.
    pub fn affected(&self, change: &Change<'_>) -> Result<LogicalPlan> {
        let target = self.target(change, change.rows)?;
        let file = virtual_field(&target, VirtualColumn::InputFileName)?.expr().alias("file");
        let gone = |branch: Expr| count(case(numbers(change.removing(), &branch), lit(1i64), None));
        let Some((source, on)) = change.source else {
            let conditions = self.conditions(change, &target.fields)?;
            let mut plan = LogicalPlanBuilder::from(target.plan);
            for condition in conditions.into_iter().flatten() {
                plan = plan.filter(condition)?;
            }
            let plan = plan.project([file, lit(1i64).alias(BRANCH)])?;
            let counts = [
                max(lit(1i64)).alias("most"),
                count(lit(1i64)).alias("changed"),
                gone(column(BRANCH)).alias("gone"),
            ];
            return Ok(plan.aggregate([column("file")], counts)?.build()?);
        };
        let block = virtual_field(&target, VirtualColumn::BlockOffsetInsideFile)?.expr().alias("block");
        let row = virtual_field(&target, VirtualColumn::RowOffsetInsideBlock)?.expr().alias("row");
        let joined = self.matched_by(target, source, on, JoinType::Inner, None)?;
        let branch = branch(self.conditions(change, &joined.fields)?).alias(BRANCH);
        let of_rows = [count(lit(1i64)).alias("matches"), max(column(BRANCH)).alias("applied")];
        let applied = || column("applied");
        let of_files = [
            max(column("matches")).alias("most"),
            count(case(vec![applied().gt(lit(0i64))], lit(1i64), None)).alias("changed"),
            gone(applied()).alias("gone"),
        ];
        Ok(LogicalPlanBuilder::from(joined.plan)
            .project([file, block, row, branch])?
            .aggregate(["file", "block", "row"].map(column), of_rows)?
            .aggregate([column("file")], of_files)?
            .build()?)
    }

    /// The rows of `rows`, which are those of the affected files, as they are afterwards. `texts` names the columns that say
    /// the keys as they stand in the partition's name.
    pub fn rewritten(
        &self,
        change: &Change<'_>,
        rows: &BoundTable,
        texts: &[String],
        into: &InsertInto<'_>,
    ) -> Result<LogicalPlan> {
        let target = self.target(change, rows)?;
        let old = target.fields.clone();
        let mut relation = match change.source {
            Some((source, on)) => self.with_source(change, target, source, on)?,
            None => self.with_condition(change, target, rows)?,
        };
        let branch = relation.fields.pop().ok_or(Problem::Unsupported("a change of no rows"))?;
        for number in change.removing() {
            let plan = std::mem::take(&mut relation.plan);
            relation.plan =
                LogicalPlanBuilder::from(plan).filter(branch.expr().not_eq(lit(number)))?.build()?;
        }
        let mut columns = self.new_values(change, &relation, &old, &branch, into)?;
        for (text, (key, _)) in texts.iter().zip(into.keys) {
            let field = old.iter().find(|field| field.hidden && field.name == *text);
            let field = field.ok_or(Problem::Unsupported("a partition without a name"))?;
            columns.push((key.clone(), field.typed()));
        }
        columns.push((BRANCH.to_owned(), branch.typed()));
        let mut written = self.project(relation, columns)?;
        let Some(branch) = written.fields.pop() else { return Ok(into.plan(written)) };
        self.enforce(&mut written, into, Some(branch.expr().eq(lit(0i64))))?;
        let shown: Vec<Expr> = written.fields.iter().map(Field::expr).collect();
        let plan = LogicalPlanBuilder::from(written.plan).project(shown)?.build()?;
        Ok(into.plan(Relation { plan, fields: written.fields }))
    }

    /// The rows of the source that match none of the target's.
    pub fn added(
        &self,
        change: &Change<'_>,
        unmatched: &Unmatched<'_>,
        into: &InsertInto<'_>,
    ) -> Result<LogicalPlan> {
        let (source, on) = change.source.ok_or(Problem::Unsupported("WHEN NOT MATCHED without a source"))?;
        let target = self.target(change, change.rows)?;
        let source = self.table_expr(source, None)?;
        let fields: Vec<Field> = target.fields.iter().chain(&source.fields).cloned().collect();
        let on = self.condition(on, &Place::plain("ON", Scope::new(&fields, None)), "the condition of ON")?;
        let mut rest = self.join_on(source, target, JoinType::LeftAnti, on)?;
        let fields = rest.fields.clone();
        let place = Place::plain("WHEN NOT MATCHED", Scope::new(&fields, None));
        if let Some(condition) = unmatched.condition {
            let condition = self.condition(condition, &place, "the condition of WHEN NOT MATCHED")?;
            rest.plan = LogicalPlanBuilder::from(rest.plan).filter(condition)?.build()?;
        }
        let wanted: Vec<&(String, HiveType)> = into.columns.iter().chain(into.keys).collect();
        let value = |(index, value): (usize, &Ast)| -> Result<(String, Typed)> {
            let name = match unmatched.columns.get(index) {
                Some(name) => name.folded(),
                None => wanted.get(index).map(|(name, _)| name.clone()).unwrap_or_default(),
            };
            let known = wanted.iter().find(|(wanted, _)| *wanted == name);
            let typed = match known.filter(|_| is_default(value)) {
                Some((_, ty)) => self.default_value(&name, ty, into)?,
                None => self.expr(value, &place)?,
            };
            Ok((name, typed))
        };
        let values = unmatched.values.iter().enumerate().map(value).collect::<Result<_>>()?;
        self.insert(self.project(rest, values)?, into)
    }

    /// All rows as they are, in the same order, but for columns that become NULL. Keys are in columns of the names `texts`.
    pub fn copied(
        &self,
        table: &TableName,
        rows: &BoundTable,
        cleared: &[Name],
        texts: &[String],
        into: &InsertInto<'_>,
    ) -> Result<LogicalPlan> {
        let relation = self.scan(table, rows)?;
        let value = |(name, ty): &(String, HiveType)| -> Result<(String, Typed)> {
            let field = relation.fields.iter().find(|field| !field.hidden && field.name == *name);
            let value = match field.filter(|_| !cleared.iter().any(|cleared| cleared.is(name))) {
                Some(field) => self.inserted(field.typed(), name, ty)?,
                None => self.null(ty)?,
            };
            Ok((name.clone(), value))
        };
        let mut values = into.columns.iter().map(value).collect::<Result<Vec<_>>>()?;
        for (text, (key, _)) in texts.iter().zip(into.keys) {
            let field = relation.fields.iter().find(|field| field.name == *text);
            let field = field.ok_or(Problem::Unsupported("a partition without a name"))?;
            values.push((key.clone(), field.typed()));
        }
        Ok(into.plan(self.project(relation, values)?))
    }

    fn target(&self, change: &Change<'_>, rows: &BoundTable) -> Result<Relation> {
        Ok(self.scan(&change.table, rows)?.aliased(&change.alias))
    }

    /// Target and source. With `mark`, a column of that name is true where there is a row of the source.
    fn matched_by(
        &self,
        target: Relation,
        source: &TableExpr,
        on: &Ast,
        kind: JoinType,
        only: Option<(&Change<'_>, &str)>,
    ) -> Result<Relation> {
        let mut source = self.table_expr(source, None)?;
        let fields: Vec<Field> = target.fields.iter().chain(&source.fields).cloned().collect();
        let mut on =
            self.condition(on, &Place::plain("ON", Scope::new(&fields, None)), "the condition of ON")?;
        if let Some((change, mark)) = only {
            let conditions = self.conditions(change, &fields)?;
            if conditions.iter().all(Option::is_some) {
                let any = conditions.into_iter().flatten().map(Expr::is_true).reduce(Expr::or);
                on = any.into_iter().fold(on, Expr::and);
            }
            self.extend(&mut source, vec![(mark.to_owned(), lit(true))])?;
        }
        self.join_on(target, source, kind, on)
    }

    /// The rows of the target, each with what changes it. The branch is the last field.
    fn with_source(
        &self,
        change: &Change<'_>,
        target: Relation,
        source: &TableExpr,
        on: &Ast,
    ) -> Result<Relation> {
        let mark = self.fresh("mark");
        let relation = self.matched_by(target, source, on, JoinType::Left, Some((change, &mark)))?;
        let conditions = self.conditions(change, &relation.fields)?;
        let stays = vec![column(&mark).is_not_true()];
        let branch = case(stays, lit(0i64), Some(branch(conditions)));
        self.with_branch(relation, branch)
    }

    fn with_condition(&self, change: &Change<'_>, target: Relation, rows: &BoundTable) -> Result<Relation> {
        let conditions = self.conditions(change, &target.fields)?;
        if !conditions.iter().flatten().any(has_query) {
            return self.with_branch(target, branch(conditions));
        }
        // A query can be asked only by a filter: the rows that pass it are found among all again by their places.
        let mut found = self.target(change, rows)?;
        for condition in self.conditions(change, &found.fields)?.into_iter().flatten() {
            found.plan = LogicalPlanBuilder::from(found.plan).filter(condition)?.build()?;
        }
        let mark = self.fresh("mark");
        let mut places = Vec::new();
        let mut same: Vec<Expr> = Vec::new();
        for of in [
            VirtualColumn::InputFileName,
            VirtualColumn::BlockOffsetInsideFile,
            VirtualColumn::RowOffsetInsideBlock,
        ] {
            let (here, there) = (virtual_field(&target, of)?, virtual_field(&found, of)?);
            same.push(here.expr().eq(there.expr()));
            places.push(there.expr());
        }
        places.push(lit(true).alias(mark.clone()));
        found.plan = LogicalPlanBuilder::from(found.plan).project(places)?.build()?;
        found.fields.clear();
        let same = same.into_iter().reduce(Expr::and).unwrap_or_else(|| lit(true));
        let relation = self.join_on(target, found, JoinType::Left, same)?;
        self.with_branch(relation, case(vec![column(&mark).is_true()], lit(1i64), Some(lit(0i64))))
    }

    fn with_branch(&self, mut relation: Relation, branch: Expr) -> Result<Relation> {
        let name = self.fresh(BRANCH);
        self.extend(&mut relation, vec![(name.clone(), branch)])?;
        let column = Column::new_unqualified(name);
        let name = BRANCH.to_owned();
        relation.fields.push(Field { relation: None, name, ty: HiveType::BigInt, column, hidden: true });
        Ok(relation)
    }

    /// One for each branch; `None` is true.
    fn conditions(&self, change: &Change<'_>, fields: &[Field]) -> Result<Vec<Option<Expr>>> {
        let place = Place::plain("WHERE", Scope::new(fields, None));
        let what = "the condition of a change";
        let condition = |branch: &Matched<'_>| {
            branch.condition.map(|condition| self.condition(condition, &place, what)).transpose()
        };
        change.matched.iter().map(condition).collect()
    }

    /// Of each column, what its branch sets, or what it was.
    fn new_values(
        &self,
        change: &Change<'_>,
        relation: &Relation,
        old: &[Field],
        branch: &Field,
        into: &InsertInto<'_>,
    ) -> Result<Vec<(String, Typed)>> {
        let place = Place::plain("SET", Scope::new(&relation.fields, None));
        let value = |(name, ty): &(String, HiveType)| -> Result<(String, Typed)> {
            let field = old.iter().find(|field| !field.hidden && field.name == *name);
            let field = field.ok_or_else(|| Problem::Invalid(format!("no column {name}")))?;
            let old = self.inserted(field.typed(), name, ty)?.expr;
            let mut when = Vec::new();
            for (number, matched) in (1i64..).zip(&change.matched) {
                let set = matched.set.unwrap_or_default().iter().find(|(set, _)| set.is(name));
                let Some((_, new)) = set else { continue };
                let new = match is_default(new) {
                    true => self.default_value(name, ty, into)?,
                    false => self.expr(new, &place)?,
                };
                let new = self.inserted(new, name, ty)?.expr;
                when.push((Box::new(branch.expr().eq(lit(number))), Box::new(new)));
            }
            let expr = match when.is_empty() {
                true => old,
                false => {
                    Expr::Case(Case { expr: None, when_then_expr: when, else_expr: Some(Box::new(old)) })
                }
            };
            Ok((name.clone(), Typed::new(expr, ty.clone())))
        };
        into.columns.iter().map(value).collect()
    }
}

impl Change<'_> {
    /// The numbers of the branches whose rows go.
    fn removing(&self) -> Vec<i64> {
        let numbered = (1i64..).zip(&self.matched);
        numbered.filter(|(_, branch)| branch.set.is_none()).map(|(number, _)| number).collect()
    }
}

fn check_set(change: &Change<'_>, set: &[(Name, Ast)]) -> Result<()> {
    for (index, (name, _)) in set.iter().enumerate() {
        let folded = name.folded();
        if change.keys.contains(&folded) {
            return Err(Problem::UpdatesKey.at(name.span));
        }
        if change.bucket_columns.contains(&folded) {
            return Err(Problem::UpdatesBucket(folded).at(name.span));
        }
        if !change.rows.columns.iter().any(|(column, _)| *column == folded) {
            let table = change.table.to_string();
            return Err(Problem::NoTargetColumn { column: folded, table }.at(name.span));
        }
        if set[..index].iter().any(|(other, _)| other.folded() == folded) {
            return Err(Problem::DuplicateColumn(folded).at(name.span));
        }
    }
    Ok(())
}

fn is_default(value: &Ast) -> bool {
    matches!(&value.kind, ExprKind::Name(name) if !name.quoted && name.is("default"))
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// `value` where any of the conditions is true.
fn case(when: Vec<Expr>, value: Expr, otherwise: Option<Expr>) -> Expr {
    let when = when.into_iter().reduce(Expr::or).unwrap_or_else(|| lit(false));
    let when_then_expr = vec![(Box::new(when), Box::new(value))];
    Expr::Case(Case { expr: None, when_then_expr, else_expr: otherwise.map(Box::new) })
}

fn numbers(of: Vec<i64>, branch: &Expr) -> Vec<Expr> {
    of.into_iter().map(|number| branch.clone().eq(lit(number))).collect()
}

/// The number of the first condition that is true.
fn branch(conditions: Vec<Option<Expr>>) -> Expr {
    let mut when_then_expr = Vec::new();
    let mut otherwise = lit(0i64);
    for (number, condition) in (1i64..).zip(conditions) {
        match condition {
            Some(condition) => when_then_expr.push((Box::new(condition), Box::new(lit(number)))),
            None => {
                otherwise = lit(number);
                break;
            }
        }
    }
    if when_then_expr.is_empty() {
        return otherwise;
    }
    Expr::Case(Case { expr: None, when_then_expr, else_expr: Some(Box::new(otherwise)) })
}

fn has_query(expr: &Expr) -> bool {
    let query = |expr: &Expr| {
        Ok(matches!(
            expr,
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_)
        ))
    };
    expr.exists(query).unwrap_or(true)
}

fn virtual_field(relation: &Relation, of: VirtualColumn) -> Result<&Field> {
    let found =
        relation.fields.iter().find(|field| field.hidden && of.name().eq_ignore_ascii_case(&field.name));
    Ok(found.ok_or(Problem::Unsupported("a change of rows without places"))?)
}
