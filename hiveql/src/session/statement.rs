//! Statements, each sent to whoever runs its kind.

use super::{Answer, Rows, Session, SessionError};
use crate::{
    catalog::Column,
    ddl::{self, DdlContext, Output, SessionChange},
    functions::{SessionFacts, registry},
    plan::{Macro, Planner, Relation, TableName, Tables},
    syntax::ast::{
        AlterAction, AlterTable, ColumnDefinition, CreateMacro, CreateSource, CreateTable, CreateView, Cte,
        Describe, Query, Statement, TableConstraint,
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray},
        datatypes::Schema,
    },
    physical_plan::memory::MemoryStream,
};
use std::sync::Arc;

impl Session {
    pub(super) async fn statement(
        &mut self,
        statement: &Statement,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let facts = self.facts()?;
        let (answer, changes) = {
            let lookup = |key: &str| self.settings.get(key).map(str::to_owned);
            let context = self.context(&facts, &lookup);
            self.dispatch(&context, statement, text).await?
        };
        for change in changes {
            match change {
                SessionChange::Database(name) => self.database = name,
            }
        }
        Ok(answer)
    }

    async fn dispatch(
        &self,
        context: &DdlContext<'_>,
        statement: &Statement,
        text: &str,
    ) -> Result<(Answer, Vec<SessionChange>), SessionError> {
        let answer = match statement {
            Statement::Query(query) => self.query(context, query, text).await?,
            Statement::Explain(explain) => self.explain(context, explain, text).await?,
            Statement::Insert(insert) => self.insert(context, insert, text).await?,
            Statement::Analyze(analyze) => self.analyze(context, analyze, text).await?,
            Statement::Load(load) => self.load(context, load, text).await?,
            Statement::Truncate { table, partition, columns, force } if columns.is_empty() => {
                self.truncate(context, table, partition, *force, text).await?
            }
            Statement::Truncate { table, partition, columns, .. } => {
                self.truncate_columns(context, table, partition, columns, text).await?
            }
            Statement::AlterTable(alter)
                if matches!(alter.action, AlterAction::Concatenate | AlterAction::Compact(_)) =>
            {
                self.concatenate(context, alter, text).await?
            }
            Statement::AlterTable(alter)
                if let AlterAction::AsQuery { query, text: of_query } = &alter.action =>
            {
                self.alter_view(context, alter, query, of_query, text).await?
            }
            Statement::CreateTable(create) => match &create.source {
                CreateSource::LikeFile { format, path } => {
                    self.create_table_like_file(context, create, format, path, text).await?
                }
                CreateSource::Query(query) => self.create_table_as(context, create, query, text).await?,
                CreateSource::None => {
                    self.check_created(context, create, text)?;
                    return self.ddl(context, statement, text).await;
                }
                _ => return self.ddl(context, statement, text).await,
            },
            Statement::AlterTable(alter) => {
                self.check_altered(context, alter, text).await?;
                return self.ddl(context, statement, text).await;
            }
            Statement::CreateFunction(create) => {
                super::programs::check_resources(&create.resources)?;
                return self.ddl(context, statement, text).await;
            }
            Statement::CreateMacro(made) => {
                self.check_macro(context, made, text)?;
                return self.ddl(context, statement, text).await;
            }
            Statement::CreateView(view) => self.create_view(context, view, text).await?,
            Statement::Describe(Describe::Function { name, extended }) => {
                self.described(context, name, *extended).await?
            }
            Statement::Update(update) => self.update(context, update, text).await?,
            Statement::Delete(delete) => self.delete(context, delete, text).await?,
            Statement::Merge(merge) => self.merge(context, merge, text).await?,
            Statement::Export { table, partition, path } => {
                self.export(context, table, partition, path, text).await?
            }
            Statement::Import { .. } => self.import(context, statement, text).await?,
            statement => return self.ddl(context, statement, text).await,
        };
        Ok((answer, Vec::new()))
    }

    async fn ddl(
        &self,
        context: &DdlContext<'_>,
        statement: &Statement,
        text: &str,
    ) -> Result<(Answer, Vec<SessionChange>), SessionError> {
        let done = ddl::execute(context, statement).await;
        printed(done.map_err(|error| SessionError::of_ddl(&error, text))?, context.facts)
    }

    /// What DESCRIBE FUNCTION says of what is built in, and of programs.
    async fn described(
        &self,
        context: &DdlContext<'_>,
        name: &str,
        extended: bool,
    ) -> Result<Answer, SessionError> {
        let folded = name.to_lowercase();
        let mut programs = self.programs().await?;
        let own = programs.remove(&folded);
        let lines = match (own, registry::describe(name, extended)) {
            (None, Some(lines)) => Some(lines),
            (own, _) => own
                .or_else(|| programs.remove(&format!("{}.{folded}", self.database)))
                .map(|program| program.lines(name, extended)),
        };
        let lines = lines.unwrap_or_else(|| vec![format!("Function '{name}' does not exist.")]);
        Ok(printed(Output::listing("tab_name", lines), context.facts)?.0)
    }

    /// Whether a macro's body means something.
    fn check_macro(
        &self,
        context: &DdlContext<'_>,
        made: &CreateMacro,
        text: &str,
    ) -> Result<(), SessionError> {
        let mut tables = Tables::default();
        for known in self.catalog.macros() {
            tables.macros.insert(known.name, Macro { parameters: known.parameters, body: known.body });
        }
        let options = self.plan_options();
        // A name that is there twice is refused later.
        let named = made.parameters.iter().map(|(name, ty)| (name.folded(), ty.clone()));
        let parameters: Vec<_> = named.collect::<std::collections::BTreeMap<_, _>>().into_iter().collect();
        let checked = Planner::new(&tables, context.facts, &options).check_macro(&parameters, &made.body);
        checked.map_err(|error| SessionError::of_plan(&error, text))
    }

    /// Whether what a definition says of its rows makes sense.
    fn check_created(
        &self,
        context: &DdlContext<'_>,
        create: &CreateTable,
        text: &str,
    ) -> Result<(), SessionError> {
        let definitions: Vec<&ColumnDefinition> = create.columns.iter().collect();
        let constraints: Vec<&TableConstraint> = create.constraints.iter().collect();
        let all = create.columns.iter().chain(&create.partitioned_by);
        let typed = all.filter_map(|column| Some((column.name.folded(), column.ty.clone()?)));
        self.check_definition(context, &typed.collect::<Vec<_>>(), &definitions, &constraints, text)
    }

    async fn check_altered(
        &self,
        context: &DdlContext<'_>,
        alter: &AlterTable,
        text: &str,
    ) -> Result<(), SessionError> {
        let (definitions, constraints) = match &alter.action {
            AlterAction::ChangeColumn { column, .. } if !column.constraints.is_empty() => {
                (vec![column], vec![])
            }
            AlterAction::AddConstraint(constraint) => (vec![], vec![constraint]),
            _ => return Ok(()),
        };
        let table = context.table(&alter.table).await.map_err(|error| SessionError::of_ddl(&error, text))?;
        let mut columns = super::bind::columns(&table.record);
        if let AlterAction::ChangeColumn { old, column, .. } = &alter.action {
            for (name, ty) in columns.iter_mut().filter(|(name, _)| old.is(name)) {
                *name = column.name.folded();
                *ty = column.ty.clone().unwrap_or_else(|| ty.clone());
            }
        }
        self.check_definition(context, &columns, &definitions, &constraints, text)
    }

    fn check_definition(
        &self,
        context: &DdlContext<'_>,
        columns: &[(String, HiveType)],
        definitions: &[&ColumnDefinition],
        constraints: &[&TableConstraint],
        text: &str,
    ) -> Result<(), SessionError> {
        let (tables, options) = (Tables::default(), self.plan_options());
        let planner = Planner::new(&tables, context.facts, &options);
        let checked = planner.check_definition(columns, definitions, constraints);
        checked.map_err(|error| SessionError::of_plan(&error, text))
    }

    async fn create_view(
        &self,
        context: &DdlContext<'_>,
        view: &CreateView,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let tables = self.bind(context, &super::bind::names_of(&view.query)).await?;
        self.check_tables_of_view(context, &view.query).await?;
        check_recursion(&tables, &TableName::of(&view.name, &self.database))?;
        let options = self.plan_options();
        let planned = Planner::new(&tables, context.facts, &options).plan(&view.query);
        let relation = planned.map_err(|error| SessionError::of_plan(&error, text))?;
        let text_of_view = expanded(&view.query, &view.text, &tables, &self.database);
        ddl::views::create(context, view, columns(&relation), text_of_view)
            .await
            .map_err(|error| SessionError::of_ddl(&error, text))?;
        Ok(Answer::done())
    }

    /// ALTER VIEW ... AS.
    async fn alter_view(
        &self,
        context: &DdlContext<'_>,
        alter: &AlterTable,
        query: &Query,
        of_query: &str,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let of_ddl = |error| SessionError::of_ddl(&error, text);
        let view = ddl::views::to_alter(context, &alter.table).await.map_err(of_ddl)?;
        let tables = self.bind(context, &super::bind::names_of(query)).await?;
        self.check_tables_of_view(context, query).await?;
        check_recursion(&tables, &TableName::of(&alter.table, &self.database))?;
        let options = self.plan_options();
        let planned = Planner::new(&tables, context.facts, &options).plan(query);
        let relation = planned.map_err(|error| SessionError::of_plan(&error, text))?;
        let text_of_view = expanded(query, of_query, &tables, &self.database);
        ddl::views::replace_query(context, &view, columns(&relation), of_query, text_of_view)
            .await
            .map_err(of_ddl)?;
        Ok(Answer::done())
    }

    /// A view outlives the session, so it can name nothing that does not.
    async fn check_tables_of_view(
        &self,
        context: &DdlContext<'_>,
        query: &Query,
    ) -> Result<(), SessionError> {
        for name in super::bind::names_of(query) {
            let is_cte = |cte: &Cte| name.parts.first().is_some_and(|part| cte.name.is(&part.text));
            let found = context.find_table(&name).await;
            if let Ok(Some(table)) = found.map(|found| found.map(|found| found.record))
                && table.temporary
                && !query.with.iter().any(is_cte)
            {
                return Err(SessionError::new(format!(
                    "SemanticException View definition references temporary table {}",
                    table.full_name()
                )));
            }
        }
        Ok(())
    }
}

/// A view cannot be made of itself, nor of views that are.
fn check_recursion(tables: &Tables, view: &TableName) -> Result<(), SessionError> {
    match tables.bound.contains_key(view) {
        true => Err(SessionError::new(format!(
            "SemanticException Recursive view {view} detected (cycle: {view} -> {view})."
        ))),
        false => Ok(()),
    }
}

/// The columns that a query yields, for a view's definition.
fn columns(relation: &Relation) -> Vec<Column> {
    relation.fields.iter().map(|field| Column::new(&field.name, field.ty.clone())).collect()
}

/// The view's text with the database of each table, so that it means the same wherever it is asked.
fn expanded(query: &Query, text: &str, tables: &Tables, database: &str) -> String {
    let mut names = super::bind::names_of(query);
    names.retain(|name| {
        let is_cte = |cte: &Cte| name.parts.first().is_some_and(|part| cte.name.is(&part.text));
        name.parts.len() == 1
            && tables.bound.contains_key(&TableName::of(name, database))
            && !query.with.iter().any(is_cte)
    });
    // From the end, so that what comes before stays where it is.
    names.sort_by_key(|name| std::cmp::Reverse(name.span.start));
    names.dedup_by_key(|name| name.span.start);
    let mut text = text.to_owned();
    for name in names {
        if let Some(place) = name.span.start.checked_sub(query.span.start)
            && text.is_char_boundary(place)
        {
            text.insert_str(place, &format!("`{database}`."));
        }
    }
    text
}

/// Texts as rows.
fn printed(output: Output, facts: &SessionFacts) -> Result<(Answer, Vec<SessionChange>), SessionError> {
    let Output { columns, rows, changes } = output;
    if columns.is_empty() {
        return Ok((Answer::done(), changes));
    }
    let columns: Vec<(String, HiveType)> =
        columns.into_iter().map(|(name, _)| (name, HiveType::String)).collect();
    let column = |index: usize| -> ArrayRef {
        let values = rows.iter().map(|row| row.get(index).and_then(Option::as_deref));
        Arc::new(values.collect::<StringArray>())
    };
    let schema: Arc<Schema> = crate::formats::arrow_schema(&columns);
    let arrays = (0..columns.len()).map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &options)
        .map_err(datafusion::error::DataFusionError::from)?;
    let stream = Box::pin(MemoryStream::try_new(vec![batch], schema, None)?);
    Ok((Answer::Rows(Rows { columns, stream, facts: facts.clone() }), changes))
}
