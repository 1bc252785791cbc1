//! UPDATE, DELETE and MERGE: the files that hold the rows that change are found, written again without the old rows and with
//! the new ones, and replaced in one transaction.

use super::{
    Answer, Session, SessionError,
    bind::{HIDDEN, bound},
    destination::Destination,
    query::Bindings,
};
use crate::{
    catalog::Table,
    ddl::{DdlContext, DdlError, Problem},
    plan::{Bound, Change, Matched, Planner, TableName, Unmatched},
    syntax::ast::{Delete, Expr, Merge, MergeAction, MergeBranch, Name, ObjectName, TableExpr, Update, walk},
    write::{self, Outcome, ReplacedFiles, SeenFile, SeenTable, Target, Wanted, Write},
};
use datafusion::{
    arrow::{array::AsArray, datatypes::Int64Type},
    datasource::provider_as_source,
    execution::SendableRecordBatchStream,
};
use futures::TryStreamExt;
use std::collections::HashMap;

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
    replaced: std::collections::BTreeMap<Vec<String>, ReplacedFiles>,
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
        let of_plan = |error| SessionError::of_plan(&error, text);
        let table = self.target_table(context, request.table, text).await?;
        check_transactional(&table).map_err(|error| SessionError::of_ddl(&error, text))?;
        let mut bindings = self.bind(context, &request.names()).await?;
        let wanted = Wanted { filter: Vec::new(), keep: &|_| true };
        let seen = SeenTable::of(context, &table, &wanted).await?;
        let rows = bound(&table, seen.scan(HIDDEN.to_vec()), &[]);
        let name = TableName { database: table.database.clone(), name: table.name.clone() };
        // Wherever else the statement reads the table, it sees the same files.
        bindings.tables.bound.insert(name.clone(), Bound::Table(rows.clone()));
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
        let planner = Planner::new(&bindings.tables, context.facts, &options);
        let rewrite = match change.matched.is_empty() {
            true => None,
            false => {
                planner.check_change(&change).map_err(of_plan)?;
                let plan = planner.affected(&change).map_err(of_plan)?;
                let found = self.engine.stream(&plan, self.threads(&bindings)).await?;
                let affected = self.affected(found, request.source.is_some()).await?;
                Some(rewrite(&table, &seen, &affected)?).filter(|rewrite| rewrite.changed > 0)
            }
        };
        let mut begun = Vec::new();
        let run = Run { session: self, context, planner: &planner, bindings: &bindings, text };
        let done = async {
            let changed = run.rewrite(&table, &seen, &change, rewrite, &mut begun).await?;
            let added = match &request.unmatched {
                Some(unmatched) => run.add(&table, &change, unmatched, &mut begun).await?,
                None => 0,
            };
            Ok((changed, added))
        };
        match done.await {
            Ok((changed, added)) => {
                write::publish(context, begun).await?;
                Ok(Answer::Done { notes: vec![format!("{changed} rows changed, {added} added")] })
            }
            Err(error) => {
                self.abandon(context, begun).await;
                Err(error)
            }
        }
    }

    /// By INPUT__FILE__NAME.
    async fn affected(
        &self,
        mut found: SendableRecordBatchStream,
        is_merge: bool,
    ) -> Result<HashMap<String, Affected>, SessionError> {
        let is_checked = is_merge && !self.settings.get(CARDINALITY_CHECK).is_some_and(|it| it == "false");
        let mut affected = HashMap::new();
        while let Some(batch) = found.try_next().await? {
            let files = batch.column(0).as_string::<i32>();
            let number = |column: usize, row: usize| {
                batch.column(column).as_primitive::<Int64Type>().value(row).unsigned_abs()
            };
            for row in 0..batch.num_rows() {
                let file = files.value(row).to_owned();
                if is_checked && number(1, row) > 1 {
                    return Err(SessionError::new(format!(
                        "Execution Error: Cardinality Violation in Merge statement: a row of {file} is matched by {} rows of the source",
                        number(1, row)
                    )));
                }
                affected.insert(file, Affected { changed: number(2, row), gone: number(3, row) });
            }
        }
        Ok(affected)
    }
}

/// What the two halves of a change need.
struct Run<'a> {
    session: &'a Session,
    context: &'a DdlContext<'a>,
    planner: &'a Planner<'a>,
    bindings: &'a Bindings,
    text: &'a str,
}

impl Run<'_> {
    async fn rewrite(
        &self,
        table: &Table,
        seen: &SeenTable,
        change: &Change<'_>,
        rewrite: Option<Rewrite>,
        begun: &mut Vec<(Write, Outcome)>,
    ) -> Result<u64, SessionError> {
        let Some(Rewrite { chosen, replaced, changed }) = rewrite else { return Ok(0) };
        let texts: Vec<String> = change.keys.iter().map(|key| format!("partition:{key}")).collect();
        let rows = bound(table, seen.scan_with_names(&chosen, &texts, HIDDEN.to_vec()), &texts);
        let write = self.begin(table).await?;
        let (write, outcome) = begun.push_mut((write, Outcome::default()));
        let destination = Destination::of(write, provider_as_source(write.table(self.context)?));
        let plan = self.planner.rewritten(change, &rows, &texts, &destination.insert_into(&[]));
        let plan = plan.map_err(|error| SessionError::of_plan(&error, self.text))?;
        *outcome = self.session.run_write(&plan, self.bindings).await?;
        outcome.replaced = replaced;
        Ok(changed)
    }

    async fn add(
        &self,
        table: &Table,
        change: &Change<'_>,
        unmatched: &Unmatched<'_>,
        begun: &mut Vec<(Write, Outcome)>,
    ) -> Result<u64, SessionError> {
        let write = self.begin(table).await?;
        let (write, outcome) = begun.push_mut((write, Outcome::default()));
        let destination = Destination::of(write, provider_as_source(write.table(self.context)?));
        let plan = self.planner.added(change, unmatched, &destination.insert_into(unmatched.columns));
        let plan = plan.map_err(|error| SessionError::of_plan(&error, self.text))?;
        *outcome = self.session.run_write(&plan, self.bindings).await?;
        Ok(outcome.rows())
    }

    async fn begin(&self, table: &Table) -> Result<Write, SessionError> {
        Ok(Target::of(table.clone()).begin(self.context, &self.session.id).await?)
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
    let mut rewrite = Rewrite { chosen: Vec::new(), replaced: Default::default(), changed: 0 };
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

fn check_transactional(table: &Table) -> Result<(), DdlError> {
    if !table.is_transactional() {
        return Err(Problem::NotTransactional(table.full_name()).into());
    }
    match table.properties.get("transactional_properties") {
        Some(kind) if kind.eq_ignore_ascii_case("insert_only") => {
            Err(Problem::InsertOnly(table.full_name()).into())
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
