//! INSERT in all its forms, and CREATE TABLE AS: rows are planned, written, and published together.

use super::{
    Answer, Session, SessionError,
    bind::names_of,
    destination::{Destination, default_texts},
    shared::SharedWork,
    small_files::reduces,
};
use crate::{
    catalog::{Column, Table, TableId, WriteNumber, partition_values},
    ddl::{self, DdlContext, Problem, create_table, partition_spec, storage_clauses},
    plan::{InsertInto, Planner, Relation, TableName},
    syntax::ast::{
        CreateTable, Cte, Expr, ExprKind, Insert, InsertBranch, InsertDirectory, InsertTable, InsertTarget,
        Literal, ObjectName, Query, QueryBody, TableExpr, walk,
    },
    types::HiveType,
    write::{self, DirectoryWrite, Outcome, Target, Write},
};
use datafusion::{
    arrow::datatypes::Schema,
    datasource::{empty::EmptyTable, provider_as_source},
    logical_expr::LogicalPlan,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

const DYNAMIC: &str = "hive.exec.dynamic.partition";
const DYNAMIC_MODE: &str = "hive.exec.dynamic.partition.mode";
const DYNAMIC_MAX: &str = "hive.exec.max.dynamic.partitions";
const DYNAMIC_MAX_OF_NODE: &str = "hive.exec.max.dynamic.partitions.pernode";

/// A part of a statement: rows and where they go.
struct Job<'a> {
    rows: Relation,
    target: &'a InsertTarget,
    reduces: bool,
}

/// A job that has begun.
enum Begun {
    Table { write: Box<Write>, reduces: bool },
    Directory { directory: Box<DirectoryWrite>, is_local: bool },
}

impl Begun {
    /// Which outcome is its.
    fn number(&self) -> WriteNumber {
        match self {
            Begun::Table { write, .. } => write.description().write,
            Begun::Directory { directory, .. } => directory.description().write,
        }
    }
}

impl Session {
    pub(super) async fn insert(
        &self,
        context: &DdlContext<'_>,
        insert: &Insert,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let tables = self.bind(context, &names_in(insert)).await?;
        let options = self.plan_options();
        let planner = Planner::new(&tables, context.facts, &options);
        let planned = |error| SessionError::of_plan(&error, text);
        let (source, jobs) = match insert {
            Insert::One { target, query } => {
                let defaults = self.defaults(context, target).await?;
                let query = with_defaults(query, &defaults);
                let rows = planner.plan(&query).map_err(planned)?;
                let reduces = reduces(&rows.plan);
                (None, vec![Job { rows, target, reduces }])
            }
            Insert::Multi { with, from, branches, .. } => {
                let (source, rows) = planner.branches(with, from, branches).map_err(planned)?;
                let targets = branches.iter().map(|branch| &branch.target);
                let jobs = rows.into_iter().zip(targets).map(|(rows, target)| {
                    let reduces = reduces(&source) || reduces(&rows.plan);
                    Job { rows, target, reduces }
                });
                let jobs = jobs.collect();
                (Some(source), jobs)
            }
        };
        check_outputs(&jobs).map_err(|error| SessionError::of_ddl(&error, text))?;
        let mut begun = Vec::with_capacity(jobs.len());
        let mut ended = Ok(Vec::new());
        for job in jobs {
            match self.begin(context, &job, text).await {
                Ok(Some(started)) => begun.push((started, job)),
                Ok(None) => {}
                Err(error) => {
                    ended = Err(error);
                    break;
                }
            }
        }
        if ended.is_ok() {
            ended = match &source {
                Some(source) => self.write_all(context, &planner, (source, &begun), text).await,
                None => self.write_only(context, &planner, &begun, text).await,
            };
        }
        self.end(context, begun.into_iter().map(|(begun, _)| begun).collect(), ended, text).await
    }

    /// `None`: there is nothing to do.
    async fn begin(
        &self,
        context: &DdlContext<'_>,
        job: &Job<'_>,
        text: &str,
    ) -> Result<Option<Begun>, SessionError> {
        match job.target {
            InsertTarget::Table(insert) => {
                let of_ddl = |error| SessionError::of_ddl(&error, text);
                let table = self.target_table(context, &insert.table, text).await?;
                let target = Target {
                    fixed: self.fixed(&table, insert).map_err(of_ddl)?,
                    overwrite: insert.overwrite,
                    ..Target::of(table)
                };
                if insert.if_not_exists && !target.is_whole() {
                    let spec = partition_spec::text(&insert.partition);
                    return Err(of_ddl(Problem::DynamicIfNotExists(spec).into()));
                }
                if insert.if_not_exists && target.partition(context).await?.is_some() {
                    return Ok(None);
                }
                if target.refuses_more(context).await? {
                    return Err(of_ddl(Problem::Immutable(target.table.full_name()).into()));
                }
                let reduces = job.reduces;
                let write = Box::new(target.begin(context, &self.id).await?);
                Ok(Some(Begun::Table { write, reduces }))
            }
            InsertTarget::Directory(directory) => {
                let directory_write = self.begin_directory(context, directory, &job.rows, text).await?;
                Ok(Some(Begun::Directory { directory: Box::new(directory_write), is_local: directory.local }))
            }
        }
    }

    async fn begin_directory(
        &self,
        context: &DdlContext<'_>,
        directory: &InsertDirectory,
        rows: &Relation,
        text: &str,
    ) -> Result<DirectoryWrite, SessionError> {
        let of_ddl = |error| SessionError::of_ddl(&error, text);
        let storage = storage_clauses::of_directory(directory).map_err(of_ddl)?;
        let columns: Vec<_> = rows
            .fields
            .iter()
            .filter(|field| !field.hidden)
            .map(|field| match field.ty {
                HiveType::Void => (field.name.clone(), HiveType::String),
                _ => (field.name.clone(), field.ty.clone()),
            })
            .collect();
        let number = self.catalog.shared.next_number().await?;
        let path = if directory.local { directory.path.clone() } else { self.located(&directory.path) };
        Ok(DirectoryWrite::new(context, &path, directory.local, &storage, &columns, number)?)
    }

    /// A table that rows can be put into.
    pub(super) async fn target_table(
        &self,
        context: &DdlContext<'_>,
        name: &ObjectName,
        text: &str,
    ) -> Result<Table, SessionError> {
        let found = context.table(name).await.map_err(|error| SessionError::of_ddl(&error, text))?;
        if found.record.is_view() {
            return Err(SessionError::new(format!(
                "SemanticException [Error 10090]: A view cannot be used as target table for LOAD or INSERT: {}",
                found.record.name
            )));
        }
        Ok(found.record)
    }

    /// Whether rows would fit what they are to be inserted into.
    pub(super) async fn check_insert(
        &self,
        context: &DdlContext<'_>,
        planner: &Planner<'_>,
        rows: Relation,
        target: &InsertTarget,
        text: &str,
    ) -> Result<(), SessionError> {
        let InsertTarget::Table(insert) = target else { return Ok(()) };
        let table = self.target_table(context, &insert.table, text).await?;
        let fixed = self.fixed(&table, insert).map_err(|error| SessionError::of_ddl(&error, text))?;
        let pairs = |columns: &[Column]| -> Vec<(String, HiveType)> {
            columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect()
        };
        let into = InsertInto {
            table: TableName { database: table.database.clone(), name: table.name.clone() },
            columns: &pairs(&table.columns),
            keys: &pairs(&table.partition_keys[fixed.len()..]),
            listed: &insert.columns,
            defaults: &default_texts(&table),
            not_null: &[],
            checks: &[],
            source: provider_as_source(Arc::new(EmptyTable::new(Arc::new(Schema::empty())))),
        };
        planner.insert(rows, &into).map(drop).map_err(|error| SessionError::of_plan(&error, text))
    }

    /// The values of the first keys. A key without one may not stand before a key with one.
    fn fixed(&self, table: &Table, insert: &InsertTable) -> Result<Vec<String>, ddl::DdlError> {
        let filter = partition_spec::filter(table, &insert.partition)?;
        let fixed: Vec<String> = filter.iter().map_while(Clone::clone).collect();
        if filter.iter().skip(fixed.len()).any(Option::is_some) {
            return Err(Problem::DynamicBeforeStatic.into());
        }
        if fixed.len() < filter.len() {
            if !self.settings.is_true(DYNAMIC) {
                return Err(Problem::DynamicDisabled.into());
            }
            let strict =
                self.settings.get(DYNAMIC_MODE).is_some_and(|mode| mode.eq_ignore_ascii_case("strict"));
            if strict && fixed.is_empty() {
                return Err(Problem::DynamicStrict.into());
            }
        }
        Ok(fixed)
    }

    /// Where a path of a statement is: one without a scheme or a slash in front is below the user's directory.
    pub(super) fn located(&self, path: &str) -> String {
        if path.contains(':') || path.starts_with('/') {
            return path.to_owned();
        }
        self.stores.absolute(path)
    }

    /// The only job, unless there was nothing to do.
    async fn write_only(
        &self,
        context: &DdlContext<'_>,
        planner: &Planner<'_>,
        begun: &[(Begun, Job<'_>)],
        text: &str,
    ) -> Result<Vec<Outcome>, SessionError> {
        let Some((begun, job)) = begun.first() else { return Ok(Vec::new()) };
        let outcome = match begun {
            Begun::Directory { directory, is_local: true } => {
                let rows = planner.coerced_to(job.rows.clone(), &directory.description().columns);
                let rows = rows.map_err(|error| SessionError::of_plan(&error, text))?;
                let stream = self.engine.stream(&self.work(&rows.plan, context.facts, text)).await?;
                directory.write(stream).await?
            }
            _ => {
                let plan = self.write_plan(context, planner, begun, job, text)?;
                self.run_write(context, &plan, text).await?
            }
        };
        self.check_partitions(context, &outcome)?;
        Ok(vec![outcome])
    }

    /// All jobs over one source.
    async fn write_all(
        &self,
        context: &DdlContext<'_>,
        planner: &Planner<'_>,
        (source, begun): (&LogicalPlan, &[(Begun, Job<'_>)]),
        text: &str,
    ) -> Result<Vec<Outcome>, SessionError> {
        if begun.is_empty() {
            return Ok(Vec::new());
        }
        let plans = begun.iter().map(|(begun, job)| self.write_plan(context, planner, begun, job, text));
        let branches = plans.collect::<Result<Vec<_>, _>>()?;
        let stays_here =
            begun.iter().any(|(begun, _)| matches!(begun, Begun::Directory { is_local: true, .. }));
        let work = self.work(source, context.facts, text);
        let shared = SharedWork { work, branches: &branches, stays_here };
        let mut written = Outcome::collect_each(self.engine.stream_shared(&shared).await?).await?;
        let outcomes = begun.iter().map(|(begun, _)| {
            let outcome = written.remove(&begun.number()).unwrap_or_default();
            self.check_partitions(context, &outcome)?;
            Ok(outcome)
        });
        outcomes.collect()
    }

    /// The plan that writes a job's rows.
    fn write_plan(
        &self,
        context: &DdlContext<'_>,
        planner: &Planner<'_>,
        begun: &Begun,
        job: &Job<'_>,
        text: &str,
    ) -> Result<LogicalPlan, SessionError> {
        let of_plan = |error| SessionError::of_plan(&error, text);
        match begun {
            Begun::Table { write, .. } => {
                let destination = Destination::of(write, provider_as_source(write.table(context)?));
                let listed = match job.target {
                    InsertTarget::Table(insert) => insert.columns.as_slice(),
                    InsertTarget::Directory(_) => &[],
                };
                planner.insert(job.rows.clone(), &destination.insert_into(listed)).map_err(of_plan)
            }
            Begun::Directory { directory, .. } => {
                let columns = &directory.description().columns;
                let rows = planner.coerced_to(job.rows.clone(), columns).map_err(of_plan)?;
                let into = InsertInto {
                    table: TableName { database: String::new(), name: "directory".to_owned() },
                    columns,
                    keys: &[],
                    listed: &[],
                    defaults: &[],
                    not_null: &[],
                    checks: &[],
                    source: provider_as_source(directory.table()?),
                };
                planner.insert(rows, &into).map_err(of_plan)
            }
        }
    }

    pub(super) async fn run_write(
        &self,
        context: &DdlContext<'_>,
        plan: &LogicalPlan,
        text: &str,
    ) -> Result<Outcome, SessionError> {
        let stream = self.engine.stream(&self.work(plan, context.facts, text)).await?;
        Ok(Outcome::collect(stream).await?)
    }

    fn check_partitions(&self, context: &DdlContext<'_>, outcome: &Outcome) -> Result<(), SessionError> {
        for values in outcome.folders.keys().filter_map(|folder| partition_values(folder)) {
            let values: Vec<String> = values.into_iter().map(|(_, value)| value).collect();
            partition_spec::check_values(context, &values)
                .map_err(|error| SessionError::of_ddl(&error, ""))?;
        }
        let most = self.settings.get(DYNAMIC_MAX).and_then(|text| text.parse::<usize>().ok());
        let made = outcome.folders.len();
        let of_node =
            self.settings.set_value(DYNAMIC_MAX_OF_NODE).and_then(|text| text.parse::<usize>().ok());
        if let Some(most) = of_node.filter(|most| made > *most && self.engine.is_one_node()) {
            return Err(SessionError::new(format!(
                "Execution Error [Error 20004]: Fatal error occurred when node tried to create too many dynamic partitions. The \
                 maximum number of dynamic partitions is controlled by {DYNAMIC_MAX} and {DYNAMIC_MAX_OF_NODE}. Maximum was \
                 set to {most} partitions per node, number of dynamic partitions on this node: {made}"
            )));
        }
        match most {
            Some(most) if made > most && made > 1 => Err(SessionError::new(format!(
                "Number of dynamic partitions created is {made}, which is more than {most}. To solve this try to set {DYNAMIC_MAX} to at least {made}."
            ))),
            _ => Ok(()),
        }
    }

    /// Publishes what went well, or cleans up after what did not.
    async fn end(
        &self,
        context: &DdlContext<'_>,
        begun: Vec<Begun>,
        outcomes: Result<Vec<Outcome>, SessionError>,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes,
            Err(error) => {
                for begun in begun {
                    // The statement's own error is the one to tell; what stays is noted and swept later.
                    let cleaned = match begun {
                        Begun::Table { write, .. } => write::abandon(context, *write).await,
                        Begun::Directory { directory, .. } => directory.abandon().await,
                    };
                    if let Err(left) = cleaned {
                        tracing::warn!(error = %left, "files of a failed statement are left for the next session to sweep");
                    }
                }
                return Err(error);
            }
        };
        let rows: u64 = outcomes.iter().map(Outcome::rows).sum();
        let (mut writes, mut directories) = (Vec::new(), Vec::new());
        for (begun, outcome) in begun.into_iter().zip(outcomes) {
            match begun {
                Begun::Table { write, reduces } => {
                    writes.extend(self.merged(context, (*write, outcome), reduces, text).await);
                }
                Begun::Directory { directory, .. } => directories.push(directory),
            }
        }
        for directory in &directories {
            directory.publish().await?;
        }
        if !writes.is_empty() {
            write::publish(context, writes).await?;
        }
        let plural = if rows == 1 { "row" } else { "rows" };
        Ok(Answer::Done { notes: vec![format!("{rows} {plural} written")] })
    }

    /// CREATE TABLE ... AS SELECT.
    pub(super) async fn create_table_as(
        &self,
        context: &DdlContext<'_>,
        create: &CreateTable,
        query: &Query,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let of_ddl = |error| SessionError::of_ddl(&error, text);
        let of_plan = |error| SessionError::of_plan(&error, text);
        if create_table::exists(context, create).await.map_err(of_ddl)? {
            return Ok(Answer::done());
        }
        if !create.columns.is_empty() {
            return Err(of_ddl(Problem::ColumnsOfQuery.into()));
        }
        create_table::check_place(context, create).await.map_err(of_ddl)?;
        let tables = self.bind(context, &names_of(query)).await?;
        let options = self.plan_options();
        let planner = Planner::new(&tables, context.facts, &options);
        let mut rows = planner.plan(query).map_err(of_plan)?;
        let reduces = reduces(&rows.plan);
        rows.fields.retain(|field| !field.hidden);
        let columns = rows.fields.iter().map(|field| Column::new(&field.name, field.ty.clone())).collect();
        let mut table = create_table::define(context, create, Some(columns)).await.map_err(of_ddl)?;
        table.id = TableId(self.catalog.home(table.temporary).next_number().await?);
        let place = |name: &str| table.all_columns().position(|column| column.name == name);
        rows.fields.sort_by_key(|field| place(&field.name));
        let target = Target { is_created: true, ..Target::of(table) };
        let write = target.begin(context, &self.id).await?;
        let outcome = async {
            let source = provider_as_source(write.table(context)?);
            let destination = Destination::of(&write, source);
            let plan = planner.insert(rows, &destination.insert_into(&[])).map_err(of_plan)?;
            let outcome = self.run_write(context, &plan, text).await?;
            self.check_partitions(context, &outcome)?;
            Ok(vec![outcome])
        };
        let outcome = outcome.await;
        self.end(context, vec![Begun::Table { write: Box::new(write), reduces }], outcome, text).await
    }

    /// What DEFAULT stands for, by column.
    pub(super) async fn defaults(
        &self,
        context: &DdlContext<'_>,
        target: &InsertTarget,
    ) -> Result<Defaults, SessionError> {
        let InsertTarget::Table(insert) = target else { return Ok(Defaults::default()) };
        let Ok(Some(table)) = context.find_table(&insert.table).await else { return Ok(Defaults::default()) };
        let names: Vec<String> = match insert.columns.is_empty() {
            true => table.record.all_columns().map(|column| column.name.clone()).collect(),
            false => insert.columns.iter().map(crate::syntax::ast::Name::folded).collect(),
        };
        let texts = default_texts(&table.record).into_iter().collect::<BTreeMap<_, _>>();
        let parsed = names.iter().map(|name| {
            let text = texts.get(name)?;
            crate::syntax::parse_expr(text).ok()
        });
        Ok(Defaults(parsed.collect()))
    }
}

/// No two parts of a statement write to one directory.
fn check_outputs(jobs: &[Job<'_>]) -> Result<(), ddl::DdlError> {
    let mut seen = BTreeSet::new();
    for job in jobs {
        if let InsertTarget::Directory(directory) = job.target
            && !seen.insert((directory.local, directory.path.trim_end_matches('/')))
        {
            return Err(Problem::OutputTwice(directory.path.clone()).into());
        }
    }
    Ok(())
}

/// By position in a row.
#[derive(Default)]
pub(super) struct Defaults(Vec<Option<Expr>>);

/// DEFAULT in a row of VALUES becomes what it stands for.
pub(super) fn with_defaults(query: &Query, defaults: &Defaults) -> Query {
    let mut query = query.clone();
    if let QueryBody::Values(rows) = &mut query.body {
        for row in rows {
            for (index, value) in row.iter_mut().enumerate() {
                let is_default =
                    matches!(&value.kind, ExprKind::Name(name) if !name.quoted && name.is("default"));
                if is_default {
                    let span = value.span;
                    let null = Expr { kind: ExprKind::Literal(Literal::Null), span };
                    *value = defaults.0.get(index).cloned().flatten().unwrap_or(null);
                }
            }
        }
    }
    query
}

/// The names that an INSERT reads.
pub(super) fn names_in(insert: &Insert) -> Vec<ObjectName> {
    match insert {
        Insert::One { query, .. } => names_of(query),
        Insert::Multi { with, from, branches, .. } => names_in_branches(with, from, branches),
    }
}

pub(super) fn names_in_branches(
    with: &[Cte],
    from: &[TableExpr],
    branches: &[InsertBranch],
) -> Vec<ObjectName> {
    let mut names = Vec::new();
    let mut visit = |name: &ObjectName| names.push(name.clone());
    with.iter().for_each(|cte| walk::tables(&cte.query, &mut visit));
    from.iter().for_each(|table| walk::tables_of_from(table, &mut visit));
    branches.iter().for_each(|branch| walk::tables_of_select(&branch.select, &mut visit));
    names
}
