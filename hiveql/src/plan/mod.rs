//! From a query's tree to DataFusion's logical plan: names found, types decided, casts inserted, all by Hive's rules.
//!
//! It stands in way 3. It reads no catalog and no files: what names stand for comes in with [`Tables`].

mod aggregate;
mod call;
mod change;
mod checks;
mod constants;
mod definition;
mod error;
mod expr;
mod from;
mod insert;
mod lateral;
mod literal;
mod operators;
mod query;
mod reducers;
mod relation;
mod sample;
mod script;
mod select;
mod set_operation;
mod sort;
mod subquery;
mod tables;
mod unique_join;
mod window;
mod within_group;

pub use change::{Change, Matched, Unmatched};
pub use checks::StrictChecks;
pub use error::{PlanError, Problem, Result};
pub use insert::InsertInto;
pub use relation::{Field, Relation, Typed};
pub use script::ScriptOptions;
pub use tables::{Bound, BoundTable, BoundView, Macro, TableName, Tables};

use crate::{functions::SessionFacts, syntax::ast::Query, types::HiveType};
use datafusion::{
    common::Column,
    logical_expr::{Expr, LogicalPlanBuilder},
};
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
};

/// The settings that decide what a query means.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// `hive.default.nulls.last`
    pub nulls_last: bool,
    /// `hive.groupby.position.alias`
    pub group_by_position: bool,
    /// `hive.orderby.position.alias`
    pub order_by_position: bool,
    /// `hive.support.quoted.identifiers` is `none`: back-quoted names in a select list are regular expressions.
    pub regex_columns: bool,
    /// How many reducers DISTRIBUTE BY and its like have, where the session says it.
    pub reducers: Option<usize>,
    /// `hive.map.aggr`: whoever reads rows groups them, as far as it can.
    pub groups_where_read: bool,
    /// `hive.groupby.skewindata`
    pub groups_are_skewed: bool,
    pub strict: StrictChecks,
    pub scripts: ScriptOptions,
}

impl Default for PlanOptions {
    fn default() -> PlanOptions {
        PlanOptions {
            nulls_last: true,
            group_by_position: false,
            order_by_position: true,
            regex_columns: false,
            reducers: None,
            groups_where_read: true,
            groups_are_skewed: false,
            strict: StrictChecks::default(),
            scripts: ScriptOptions::default(),
        }
    }
}

/// Plans one statement.
pub struct Planner<'a> {
    tables: &'a Tables,
    facts: &'a SessionFacts,
    options: &'a PlanOptions,
    /// The database of unqualified names; another one inside a view.
    database: RefCell<String>,
    made_names: Cell<u32>,
    /// CTEs that can be seen here, the nearest last.
    ctes: RefCell<Vec<(String, Relation)>>,
    /// Keys of partitions that are texts: NULL has a name there, by which IS NULL knows it.
    named_nulls: RefCell<HashSet<Column>>,
    /// Columns that share their name with another one of their query: they may be there, and nothing may name them.
    ambiguous: RefCell<HashSet<Column>>,
    /// The views that are being planned, each for the one in front of it.
    views: RefCell<Vec<TableName>>,
    /// Values of a macro's parameters while its body is planned.
    parameters: RefCell<Vec<HashMap<String, Typed>>>,
}

impl<'a> Planner<'a> {
    pub fn new(tables: &'a Tables, facts: &'a SessionFacts, options: &'a PlanOptions) -> Planner<'a> {
        Planner {
            tables,
            facts,
            options,
            database: RefCell::new(facts.database.clone()),
            made_names: Cell::new(0),
            ctes: RefCell::default(),
            named_nulls: RefCell::default(),
            ambiguous: RefCell::default(),
            views: RefCell::default(),
            parameters: RefCell::default(),
        }
    }

    /// A whole query.
    pub fn plan(&self, query: &Query) -> Result<Relation> {
        self.query(query, None)
    }

    /// A name that no other column of this statement has.
    fn fresh(&self, name: &str) -> String {
        let number = self.made_names.get();
        self.made_names.set(number + 1);
        format!("{name}#{number}")
    }

    /// Adds columns to a plan: what was there stays.
    fn extend(&self, relation: &mut Relation, added: Vec<(String, Expr)>) -> Result<()> {
        if added.is_empty() {
            return Ok(());
        }
        let kept = relation.plan.schema().columns().into_iter().map(Expr::Column);
        let exprs = kept.chain(added.into_iter().map(|(name, expr)| expr.alias(name))).collect::<Vec<_>>();
        let plan = std::mem::take(&mut relation.plan);
        relation.plan = LogicalPlanBuilder::from(plan).project(exprs)?.build()?;
        Ok(())
    }

    /// A relation with exactly these columns.
    fn project(&self, relation: Relation, columns: Vec<(String, Typed)>) -> Result<Relation> {
        let mut fields = Vec::with_capacity(columns.len());
        let mut exprs = Vec::with_capacity(columns.len());
        for (name, Typed { expr, ty }) in columns {
            let column = Column::new_unqualified(self.fresh(&name));
            exprs.push(expr.alias(column.name.clone()));
            fields.push(Field { relation: None, name, ty, column, hidden: false });
        }
        let plan = LogicalPlanBuilder::from(relation.plan).project(exprs)?.build()?;
        Ok(Relation { plan, fields })
    }

    /// Casts by Hive's rules; constants are cast at once.
    pub(crate) fn cast(&self, value: Typed, to: &HiveType) -> Result<Typed> {
        if &value.ty == to {
            return Ok(value);
        }
        let expr = crate::cast::cast(value.expr, &value.ty, to, self.facts)?;
        Ok(Typed { expr: self.fold(expr), ty: to.clone() })
    }
}
