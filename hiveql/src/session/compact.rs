//! ALTER TABLE ... CONCATENATE and COMPACT, and TRUNCATE TABLE ... COLUMNS: a table or some of its partitions are read and
//! written anew, in the same order.

use super::{
    Answer, Session, SessionError,
    bind::{HIDDEN, bound},
    destination::Destination,
};
use crate::{
    catalog::{Snapshot, StorageDescriptor, Table, TableKind},
    ddl::{DdlContext, DdlError, Problem, partition_spec},
    plan::{Planner, TableName, Tables},
    scan::HiveTable,
    syntax::ast::{AlterAction, AlterTable, Name, ObjectName, PartitionSpec},
    write::{self, Outcome, SeenFile, SeenPart, SeenTable, StoredFiles, Target, Write},
};
use datafusion::datasource::provider_as_source;

/// What is written anew.
struct Again<'a> {
    table: &'a Table,
    /// From before it was listed.
    since: Snapshot,
    seen: SeenTable,
    /// For each part.
    wanted: Vec<bool>,
    cleared: &'a [Name],
}

/// Rows stay in their buckets, and files that are others' stay as they are.
fn check_concatenated(table: &Table) -> Result<(), Problem> {
    let name = || table.full_name();
    match () {
        () if table.storage.handler.is_some() => Err(Problem::ConcatenatesForeign(name())),
        () if table.kind == TableKind::External => Err(Problem::ConcatenatesExternal(name())),
        () if table.storage.buckets > 0 => Err(Problem::ConcatenatesBuckets(name())),
        () => Ok(()),
    }
}

impl Session {
    /// Many small files become few.
    pub(super) async fn concatenate(
        &self,
        context: &DdlContext<'_>,
        alter: &AlterTable,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let of_ddl = |error| SessionError::of_ddl(&error, text);
        let table = self.target_table(context, &alter.table, text).await?;
        if matches!(alter.action, AlterAction::Compact(_)) && !table.is_transactional() {
            let words = format!("Compaction is not allowed on non-ACID table {}", table.full_name());
            return Err(of_ddl(DdlError::Refused(words)));
        }
        if matches!(alter.action, AlterAction::Concatenate) {
            check_concatenated(&table).map_err(|problem| of_ddl(problem.into()))?;
            if table.is_partitioned() && alter.partition.is_none() {
                let words =
                    format!("source table {} is partitioned but no partition desc found.", table.full_name());
                return Err(of_ddl(DdlError::Refused(words)));
            }
        }
        let spec = alter.partition.clone().unwrap_or_default();
        let (since, seen) = self.selected(context, &table, &spec, text).await?;
        let fewest = |part: &SeenPart| storage_of(&table, part).buckets.max(1) as usize;
        let wanted = seen.parts.iter().map(|part| part.files.len() > fewest(part)).collect();
        let again = Again { table: &table, since, seen, wanted, cleared: &[] };
        self.write_again(context, &again, text).await
    }

    /// Columns become NULL. Hive can do so in RCFiles only.
    pub(super) async fn truncate_columns(
        &self,
        context: &DdlContext<'_>,
        name: &ObjectName,
        spec: &PartitionSpec,
        columns: &[Name],
        text: &str,
    ) -> Result<Answer, SessionError> {
        let of_ddl = |error| SessionError::of_ddl(&error, text);
        let table = self.target_table(context, name, text).await?;
        if !table.owns_files() {
            return Err(of_ddl(Problem::TruncatesExternal(table.name).into()));
        }
        if let Some(column) = columns.iter().find(|name| !table.columns.iter().any(|it| name.is(&it.name))) {
            let problem = Problem::NoColumn(column.folded());
            return Err(of_ddl(DdlError::Semantic { problem, span: Some(column.span) }));
        }
        let (since, seen) = self.selected(context, &table, spec, text).await?;
        for part in &seen.parts {
            let storage = storage_of(&table, part);
            if !storage.input_format.ends_with("RCFileInputFormat") {
                return Err(of_ddl(Problem::TruncatesColumns.into()));
            }
            if columns.iter().any(|name| storage.bucket_columns.iter().any(|bucket| name.is(bucket))) {
                return Err(of_ddl(Problem::TruncatesBuckets.into()));
            }
            let skewed = storage.skew.as_ref().filter(|skew| skew.directories);
            let is_skewed =
                |name: &&Name| skewed.is_some_and(|skew| skew.columns.iter().any(|column| name.is(column)));
            if columns.iter().any(|name| is_skewed(&name)) {
                return Err(of_ddl(Problem::TruncatesSkewed.into()));
            }
        }
        let wanted = vec![true; seen.parts.len()];
        let again = Again { table: &table, since, seen, wanted, cleared: columns };
        self.write_again(context, &again, text).await
    }

    async fn selected(
        &self,
        context: &DdlContext<'_>,
        table: &Table,
        spec: &PartitionSpec,
        text: &str,
    ) -> Result<(Snapshot, SeenTable), SessionError> {
        let of_ddl = |error| SessionError::of_ddl(&error, text);
        let filter = partition_spec::filter(table, spec).map_err(of_ddl)?;
        let since = context.home(table).snapshot().await?;
        let files = StoredFiles::new(context, self.stores.clone(), table.clone(), HIDDEN.to_vec())?;
        let seen = SeenTable::of(files, &filter).await?;
        if seen.parts.is_empty() && !spec.is_empty() {
            return Err(of_ddl(Problem::NoPartition(partition_spec::text(spec)).into()));
        }
        Ok((since, seen))
    }

    async fn write_again(
        &self,
        context: &DdlContext<'_>,
        again: &Again<'_>,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let mut begun: Vec<(Write, Outcome)> = Vec::new();
        let parts = &again.seen.parts;
        for (index, part) in parts.iter().enumerate().filter(|(index, _)| again.wanted[*index]) {
            let fixed = part.partition.as_ref().map(|partition| partition.values.clone());
            let target = Target {
                fixed: fixed.unwrap_or_default(),
                overwrite: true,
                since: Some(again.since.clone()),
                ..Target::of(again.table.clone())
            };
            let files = |at: usize| if at == index { part.files.clone() } else { Vec::new() };
            let chosen: Vec<Vec<SeenFile>> = (0..parts.len()).map(files).collect();
            let done = match target.begin(context, &self.id).await {
                Ok(write) => {
                    let (write, outcome) = begun.push_mut((write, Outcome::default()));
                    let written = self.write_part(context, write, again, &chosen, text).await;
                    written.map(|written| *outcome = written)
                }
                Err(error) => Err(error.into()),
            };
            if let Err(error) = done {
                self.abandon(context, begun).await;
                return Err(error);
            }
        }
        if !begun.is_empty() {
            write::publish(context, begun).await?;
        }
        Ok(Answer::done())
    }

    /// Tasks read neighbouring files and number their own in the same order, so rows keep theirs.
    async fn write_part(
        &self,
        context: &DdlContext<'_>,
        write: &Write,
        again: &Again<'_>,
        chosen: &[Vec<SeenFile>],
        text: &str,
    ) -> Result<Outcome, SessionError> {
        let table = &write.target.table;
        let scan = again.seen.scan_with_names(chosen, &[]);
        let rows = bound(table, &scan.shape.clone(), HiveTable::fixed(scan), &[]);
        let (tables, options) = (Tables::default(), self.plan_options());
        let planner = Planner::new(&tables, context.facts, &options);
        let destination = Destination::of(write, provider_as_source(write.table(context)?));
        let name = TableName { database: table.database.clone(), name: table.name.clone() };
        let plan = planner.copied(&name, &rows, again.cleared, &[], &destination.insert_into(&[]));
        let plan = plan.map_err(|error| SessionError::of_plan(&error, text))?;
        self.run_write(context, &plan, text).await
    }

    /// The statement's own error is the one to tell; what stays of its files is noted and swept later.
    pub(super) async fn abandon(&self, context: &DdlContext<'_>, begun: Vec<(Write, Outcome)>) {
        for (write, _) in begun {
            if let Err(left) = write::abandon(context, write).await {
                tracing::warn!(error = %left, "files of a failed statement are left for the next session to sweep");
            }
        }
    }
}

fn storage_of<'a>(table: &'a Table, part: &'a SeenPart) -> &'a StorageDescriptor {
    let own = part.partition.as_ref().and_then(|partition| partition.storage.as_ref());
    own.unwrap_or(&table.storage)
}
