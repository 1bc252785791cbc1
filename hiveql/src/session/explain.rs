//! EXPLAIN in its kinds.

use super::{
    Answer, Session, SessionError,
    bind::names_of,
    insert::{names_in, with_defaults},
    shared::SharedWork,
};
use crate::{
    ddl::DdlContext,
    plan::{Bound, Planner},
    syntax::ast::{Explain, ExplainKind, Insert, ObjectName, Query, Statement, walk},
};
use serde_json::json;

impl Session {
    pub(super) async fn explain(
        &self,
        context: &DdlContext<'_>,
        explain: &Explain,
        text: &str,
    ) -> Result<Answer, SessionError> {
        match explain.kind {
            ExplainKind::Dependency => self.dependencies(context, &explain.statement).await,
            ExplainKind::Ast => Ok(lines(format!("{:#?}", explain.statement).lines())),
            _ => match (&*explain.statement, query_of(&explain.statement)) {
                (Statement::Insert(insert), _) => self.explain_insert(context, insert, text).await,
                (_, query) => self.explain_other(context, explain, query, text).await,
            },
        }
    }

    async fn explain_other(
        &self,
        context: &DdlContext<'_>,
        explain: &Explain,
        query: Option<&Query>,
        text: &str,
    ) -> Result<Answer, SessionError> {
        match query {
            Some(query) => self.explain_query(context, query, text).await,
            None => Ok(lines([format!("{:?}", explain.statement).as_str()])),
        }
    }

    /// The plan of the rows; that they fit where they go to is looked at too.
    async fn explain_insert(
        &self,
        context: &DdlContext<'_>,
        insert: &Insert,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let tables = self.bind(context, &names_in(insert)).await?;
        let options = self.plan_options();
        let planner = Planner::new(&tables, context.facts, &options);
        let planned = |error| SessionError::of_plan(&error, text);
        match insert {
            Insert::One { target, query } => {
                let defaults = self.defaults(context, target).await?;
                let rows = planner.plan(&with_defaults(query, &defaults)).map_err(planned)?;
                self.check_insert(context, &planner, rows.clone(), target, text).await?;
                Ok(Answer::Text(self.engine.explain(&rows.plan).await?))
            }
            Insert::Multi { with, from, branches, .. } => {
                let (source, rows) = planner.branches(with, from, branches).map_err(planned)?;
                for (rows, branch) in rows.iter().zip(branches) {
                    self.check_insert(context, &planner, rows.clone(), &branch.target, text).await?;
                }
                let branches: Vec<_> = rows.into_iter().map(|rows| rows.plan).collect();
                let work = self.work(&source, context.facts, text);
                let shared = SharedWork { work, branches: &branches, stays_here: false };
                Ok(Answer::Text(self.engine.explain_shared(&shared).await?))
            }
        }
    }

    async fn explain_query(
        &self,
        context: &DdlContext<'_>,
        query: &Query,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let tables = self.bind(context, &names_of(query)).await?;
        let options = self.plan_options();
        let planned = Planner::new(&tables, context.facts, &options).plan(query);
        let relation = planned.map_err(|error| SessionError::of_plan(&error, text))?;
        Ok(Answer::Text(self.engine.explain(&relation.plan).await?))
    }

    /// `{"input_tables":[...],"input_partitions":[...]}`
    async fn dependencies(
        &self,
        context: &DdlContext<'_>,
        statement: &Statement,
    ) -> Result<Answer, SessionError> {
        let bound = self.bind(context, &names(statement)).await?.bound;
        let mut tables = Vec::new();
        for (name, bound) in &bound {
            let kind = match bound {
                Bound::View(_) => "VIRTUAL_VIEW",
                Bound::Table(_) => "MANAGED_TABLE",
            };
            tables.push((format!("{}@{}", name.database, name.name), kind));
        }
        tables.sort();
        let tables: Vec<_> =
            tables.iter().map(|(name, kind)| json!({ "tablename": name, "tabletype": kind })).collect();
        Ok(lines([json!({ "input_tables": tables, "input_partitions": [] }).to_string().as_str()]))
    }
}

fn query_of(statement: &Statement) -> Option<&Query> {
    match statement {
        Statement::Query(query) => Some(query),
        Statement::Insert(Insert::One { query, .. }) => Some(query),
        Statement::CreateTable(create) => match &create.source {
            crate::syntax::ast::CreateSource::Query(query) => Some(query),
            _ => None,
        },
        Statement::CreateView(view) => Some(&view.query),
        _ => None,
    }
}

/// The names that a statement reads from.
fn names(statement: &Statement) -> Vec<ObjectName> {
    let mut names = query_of(statement).map(names_of).unwrap_or_default();
    if let Statement::Insert(Insert::Multi { from, .. }) = statement {
        for table in from {
            walk::tables_of_from(table, &mut |name| names.push(name.clone()));
        }
    }
    names
}

fn lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Answer {
    Answer::Text(lines.into_iter().map(str::to_owned).collect())
}
