//! UPDATE, DELETE and MERGE: the files that hold the rows that change are found, written again without the old rows and with
//! the new ones, and replaced in one transaction.

use super::{
    Answer, Session, SessionError,
    bind::{HIDDEN, bound},
    destination::Destination,
};
use crate::{
    catalog::Table,
    ddl::{DdlContext, DdlError, Problem},
    plan::{Bound, BoundTable, Change, Matched, Planner, TableName, Tables, Unmatched},
    scan::HiveTable,
    syntax::ast::{Delete, Expr, Merge, MergeAction, MergeBranch, Name, ObjectName, TableExpr, Update, walk},
    write::{self, Outcome, ReplacedFiles, SeenFile, SeenTable, StoredFiles, Target, Write},
};
use datafusion::{
    arrow::{array::AsArray, datatypes::Int64Type},
    common::internal_datafusion_err,
    datasource::provider_as_source,
    execution::SendableRecordBatchStream,
};
use futures::TryStreamExt;
use std::collections::{BTreeMap, HashMap};

const CARDINALITY_CHECK: &str = "hive.merge.cardinality.check";

/// One of the three statements.
struct Request<'a> {
    table: &'a ObjectName,
    alias: Option<&'a Name>,
    source: Option<(&'a TableExpr, &'a Expr)>,
    matched: Vec<Matched<'a>>,
    unmatched: Option<Unmatched<'a>>,
    /// All expressions in it.
    exprs: Vec<&'a Expr>,
}

/// How many rows of a file change, and how many of these go.
#[derive(Clone, Copy)]
struct Affected {
    changed: u64,
    gone: u64,
}

/// What is written again, and how many rows change by it.
struct Rewrite {
    /// Files of each part of the table.
    chosen: Vec<Vec<SeenFile>>,
    replaced: BTreeMap<Vec<String>, ReplacedFiles>,
    changed: u64,
}

impl Session {
    pub(super) async fn update(
        &self,
        context: &DdlContext<'_>,
        update: &Update,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let matched = Matched { condition: update.filter.as_ref(), set: Some(&update.assignments) };
        let values = update.assignments.iter().map(|(_, value)| value);
        let request = Request {
            table: &update.table,
            alias: None,
            source: None,
            matched: vec![matched],
            unmatched: None,
            exprs: values.chain(&update.filter).collect(),
        };
        self.change(context, request, text).await
    }

    pub(super) async fn delete(
        &self,
        context: &DdlContext<'_>,
        delete: &Delete,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let request = Request {
            table: &delete.table,
            alias: None,
            source: None,
            matched: vec![Matched { condition: delete.filter.as_ref(), set: None }],
            unmatched: None,
            exprs: delete.filter.iter().collect(),
        };
        self.change(context, request, text).await
    }

    pub(super) async fn merge(
        &self,
        context: &DdlContext<'_>,
        merge: &Merge,
        text: &str,
    ) -> Result<Answer, SessionError> {
        check_branches(&merge.branches, text).map_err(|error| SessionError::of_ddl(&error, text))?;
        let (mut matched, mut unmatched, mut exprs) = (Vec::new(), None, vec![&merge.on]);
        for branch in &merge.branches {
            let condition = branch.condition.as_ref();
            exprs.extend(condition);
            match &branch.action {
                MergeAction::Update(set) => {
                    exprs.extend(set.iter().map(|(_, value)| value));
                    matched.push(Matched { condition, set: Some(set) });
                }
                MergeAction::Delete => matched.push(Matched { condition, set: None }),
                MergeAction::Insert { columns, values } => {
                    exprs.extend(values);
                    unmatched = Some(Unmatched { condition, columns, values });
                }
            }
        }
        let request = Request {
            table: &merge.target,
            alias: merge.alias.as_ref(),
            source: Some((&merge.source, &merge.on)),
            matched,
            unmatched,
            exprs,
        };
        self.change(context, request, text).await
    }

    async fn change(
        &self,
        context: &DdlContext<'_>,
        request: Request<'_>,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let table = self.target_table(context, request.table, text).await?;
        check_transactional(&table, request.table).map_err(|error| SessionError::of_ddl(&error, text))?;
        let mut tables = self.bind(context, &request.names()).await?;
        let name = TableName { database: table.database.clone(), name: table.name.clone() };
        self.pin(context, &mut tables, &name).await?;
        let (seen, rows) = self.pinned(context, &table).await?;
        // Wherever else the statement reads the table, it sees the same files.
        tables.bound.insert(name.clone(), Bound::Table(rows.clone()));
        let keys: Vec<String> = table.partition_keys.iter().map(|key| key.name.clone()).collect();
        let change = Change {
            alias: request.alias.map_or_else(|| table.name.clone(), Name::folded),
            table: name,
            rows: &rows,
            source: request.source,
            matched: request.matched,
            keys: &keys,
            bucket_columns: &table.storage.bucket_columns,
        };
        let options = self.plan_options();
        let planner = Planner::new(&tables, context.facts, &options);
        let run = Run {
            session: self,
            context,
            planner: &planner,
            table: &table,
            seen: &seen,
            change: &change,
            text,
        };
        let mut begun = Vec::new();
        match run.all(request.unmatched.as_ref(), &mut begun).await {
            Ok((changed, added)) => {
                write::publish(context, begun).await?;
                Ok(Answer::Done { notes: vec![format!("{changed} rows changed, {added} added")] })
            }
            Err(error) => {
                self.abandon(context, begun).await;
                // Files that another change has replaced in the meantime may be gone.
                match seen.conflict().await {
                    Ok(Some(conflict)) => Err(conflict.into()),
                    _ => Err(error),
                }
            }
        }
    }

    /// The plans of a change are made and run one after the other, and have to see the same: what they read is listed once.
    async fn pin(
        &self,
        context: &DdlContext<'_>,
        tables: &mut Tables,
        target: &TableName,
    ) -> Result<(), SessionError> {
        for (name, bound) in tables.bound.iter_mut().filter(|(name, _)| *name != target) {
            if let Bound::Table(rows) = bound
                && let Some(table) = context.catalog.find_table(&name.database, &name.name).await?
            {
                *rows = self.pinned(context, &table.record).await?.1;
            }
        }
        Ok(())
    }

    async fn pinned(
        &self,
        context: &DdlContext<'_>,
        table: &Table,
    ) -> Result<(SeenTable, BoundTable), SessionError> {
        let files = StoredFiles::new(context, self.stores.clone(), table.clone(), HIDDEN.to_vec())?;
        let seen = SeenTable::of(files, &Vec::new()).await?;
        let scan = seen.scan();
        let rows = bound(table, &scan.shape.clone(), HiveTable::fixed(scan), &[]);
        Ok((seen, rows))
    }

    /// By INPUT__FILE__NAME.
    async fn affected(
        &self,
        mut found: SendableRecordBatchStream,
        is_merge: bool,
    ) -> Result<HashMap<String, Affected>, SessionError> {
        let is_checked = is_merge && self.settings.get(CARDINALITY_CHECK).is_none_or(|it| it != "false");
        let mut affected = HashMap::new();
        let missing = || internal_datafusion_err!("a search for files answered with other columns");
        while let Some(batch) = found.try_next().await? {
            let files = batch.column(0).as_string_opt::<i32>().ok_or_else(missing)?;
            let numbers =
                |column: usize| batch.column(column).as_primitive_opt::<Int64Type>().ok_or_else(missing);
            let (most, changed, gone) = (numbers(1)?, numbers(2)?, numbers(3)?);
            for row in 0..batch.num_rows() {
                let file = files.value(row).to_owned();
                if is_checked && most.value(row) > 1 {
                    return Err(SessionError::new(format!(
                        "Execution Error: Cardinality Violation in Merge statement: a row of {file} is matched by {} rows of the source",
                        most.value(row)
                    )));
                }
                let (changed, gone) = (changed.value(row).unsigned_abs(), gone.value(row).unsigned_abs());
                affected.insert(file, Affected { changed, gone });
            }
        }
        Ok(affected)
    }
}

/// What the steps of a change need.
struct Run<'a> {
    session: &'a Session,
    context: &'a DdlContext<'a>,
    planner: &'a Planner<'a>,
    table: &'a Table,
    seen: &'a SeenTable,
    change: &'a Change<'a>,
    text: &'a str,
}

impl Run<'_> {
    /// How many rows changed and how many were added.
    async fn all(
        &self,
        unmatched: Option<&Unmatched<'_>>,
        begun: &mut Vec<(Write, Outcome)>,
    ) -> Result<(u64, u64), SessionError> {
        let changed = match self.find().await? {
            Some(rewrite) => self.rewrite(rewrite, begun).await?,
            None => 0,
        };
        let added = match unmatched {
            Some(unmatched) => self.add(unmatched, begun).await?,
            None => 0,
        };
        Ok((changed, added))
    }

    /// The files that hold a row that changes.
    async fn find(&self) -> Result<Option<Rewrite>, SessionError> {
        if self.change.matched.is_empty() {
            return Ok(None);
        }
        let of_plan = |error| SessionError::of_plan(&error, self.text);
        self.planner.check_change(self.change).map_err(of_plan)?;
        let plan = self.planner.affected(self.change).map_err(of_plan)?;
        let work = self.session.work(&plan, self.context.facts, self.text);
        let found = self.session.engine.stream(&work).await?;
        let affected = self.session.affected(found, self.change.source.is_some()).await?;
        Ok(Some(rewrite(self.table, self.seen, &affected)?).filter(|rewrite| rewrite.changed > 0))
    }

    async fn rewrite(
        &self,
        rewrite: Rewrite,
        begun: &mut Vec<(Write, Outcome)>,
    ) -> Result<u64, SessionError> {
        let texts: Vec<String> = self.change.keys.iter().map(|key| format!("partition:{key}")).collect();
        let scan = self.seen.scan_with_names(&rewrite.chosen, &texts);
        let rows = bound(self.table, &scan.shape.clone(), HiveTable::fixed(scan), &texts);
        let (write, outcome) = begun.push_mut((self.begin().await?, Outcome::default()));
        let destination = Destination::of(write, provider_as_source(write.table(self.context)?));
        let plan = self.planner.rewritten(self.change, &rows, &texts, &destination.insert_into(&[]));
        let plan = plan.map_err(|error| SessionError::of_plan(&error, self.text))?;
        *outcome = self.session.run_write(self.context, &plan, self.text).await?;
        outcome.replaced = rewrite.replaced;
        Ok(rewrite.changed)
    }

    async fn add(
        &self,
        unmatched: &Unmatched<'_>,
        begun: &mut Vec<(Write, Outcome)>,
    ) -> Result<u64, SessionError> {
        let (write, outcome) = begun.push_mut((self.begin().await?, Outcome::default()));
        let destination = Destination::of(write, provider_as_source(write.table(self.context)?));
        let into = destination.insert_into(unmatched.columns);
        let plan = self.planner.added(self.change, unmatched, &into);
        let plan = plan.map_err(|error| SessionError::of_plan(&error, self.text))?;
        *outcome = self.session.run_write(self.context, &plan, self.text).await?;
        let added = outcome.rows();
        if added == 0
            && let Some((write, _)) = begun.pop()
        {
            write::abandon(self.context, write).await?;
        }
        Ok(added)
    }

    async fn begin(&self) -> Result<Write, SessionError> {
        Ok(Target::of(self.table.clone()).begin(self.context, &self.session.id).await?)
    }
}

impl Request<'_> {
    fn names(&self) -> Vec<ObjectName> {
        let mut names = vec![self.table.clone()];
        let mut visit = |name: &ObjectName| names.push(name.clone());
        if let Some((source, _)) = self.source {
            walk::tables_of_from(source, &mut visit);
        }
        self.exprs.iter().for_each(|expr| walk::tables_of_expr(expr, &mut visit));
        names
    }
}

/// The files that are to be written again.
fn rewrite(
    table: &Table,
    seen: &SeenTable,
    affected: &HashMap<String, Affected>,
) -> Result<Rewrite, SessionError> {
    let mut rewrite = Rewrite { chosen: Vec::new(), replaced: BTreeMap::new(), changed: 0 };
    for part in &seen.parts {
        let of = |file: &SeenFile| {
            let found = affected.get(&format!("{}{}", seen.file_name_prefix, file.path));
            found.copied().filter(|affected| affected.changed > 0)
        };
        let hit: Vec<Affected> = part.files.iter().filter_map(of).collect();
        if hit.is_empty() {
            rewrite.chosen.push(Vec::new());
            continue;
        }
        // New files have the table's columns, which files of other columns cannot lie beside.
        let mut is_other = false;
        let values = match &part.partition {
            None => Vec::new(),
            Some(partition) if partition.storage.is_some() => {
                return Err(SessionError::new(format!(
                    "SemanticException partition {} of table {} has a format of its own: its rows cannot be changed",
                    table.partition_name(partition),
                    table.full_name()
                )));
            }
            Some(partition) => {
                is_other = partition.columns != table.columns;
                partition.values.clone()
            }
        };
        let chosen: Vec<SeenFile> =
            part.files.iter().filter(|file| is_other || of(file).is_some()).cloned().collect();
        let files = chosen.iter().map(|file| (file.name.clone(), file.stamp)).collect();
        let rows_gone = hit.iter().map(|affected| affected.gone).sum();
        rewrite.changed += hit.iter().map(|affected| affected.changed).sum::<u64>();
        rewrite.replaced.insert(values, ReplacedFiles { files, rows_gone });
        rewrite.chosen.push(chosen);
    }
    Ok(rewrite)
}

fn check_transactional(table: &Table, name: &ObjectName) -> Result<(), DdlError> {
    let refused = |problem| DdlError::Semantic { problem, span: Some(name.span) };
    if !table.is_transactional() {
        return Err(refused(Problem::NotTransactional(table.full_name())));
    }
    match table.properties.get("transactional_properties") {
        Some(kind) if kind.eq_ignore_ascii_case("insert_only") => {
            Err(refused(Problem::InsertOnly(table.full_name())))
        }
        _ => Ok(()),
    }
}

fn check_branches(branches: &[MergeBranch], text: &str) -> Result<(), DdlError> {
    let count = |wanted: fn(&MergeAction) -> bool| {
        branches.iter().filter(|branch| branch.matched && wanted(&branch.action)).count()
    };
    let updates = count(|action| matches!(action, MergeAction::Update(_)));
    let deletes = count(|action| matches!(action, MergeAction::Delete));
    if updates > 1 {
        return Err(Problem::MergeUpdates(text.to_owned()).into());
    }
    if deletes > 1 {
        return Err(Problem::MergeDeletes(text.to_owned()).into());
    }
    let first = branches.iter().find(|branch| branch.matched);
    if updates + deletes > 1 && first.is_some_and(|first| first.condition.is_none()) {
        return Err(Problem::MergeNeedsPredicate(text.to_owned()).into());
    }
    let inserts = branches.iter().filter(|branch| !branch.matched).count();
    let fits = |branch: &MergeBranch| branch.matched != matches!(branch.action, MergeAction::Insert { .. });
    if inserts > 1 || !branches.iter().all(fits) {
        return Err(DdlError::Refused(
            "MERGE takes UPDATE and DELETE after WHEN MATCHED, and one INSERT after WHEN NOT MATCHED"
                .to_owned(),
        ));
    }
    Ok(())
}
