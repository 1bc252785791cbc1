//! The moment in which what was written becomes what is read, and the ways in which it never does.
//!
//! * A kill before the transaction leaves files that no reader sees and a note of them, which the next session sweeps.
//! * The transaction changes all tables and partitions of the statement at once.
//! * A kill after it leaves replaced files that no reader sees, and a note of them too.

use super::{
    Amount, Outcome, ReplacedFiles, SeenFile, Write, WriteError, columns, is_recursive,
    listing::{all_files, seen_among},
};
use crate::{
    catalog::{
        Catalog, CatalogError, Change, ColumnStatistics, Contents, LastWrite, Partition, PendingWrite,
        PropertyMap, Removal, Replaced, Snapshot, Table, TableId, Versioned, WrittenName,
    },
    ddl::{DdlContext, files, statistics},
    types::HiveType,
};
use std::collections::{BTreeMap, BTreeSet};

/// How long files that were replaced stay for statements that read them; without it they go at once.
pub const KEEP_SECONDS: &str = "skep.replaced.files.keep.seconds";

/// Makes everything that one statement wrote seen, or nothing.
pub async fn publish(context: &DdlContext<'_>, writes: Vec<(Write, Outcome)>) -> Result<(), WriteError> {
    // A session's own tables are in a catalog of their own, whose records nobody else changes.
    let (own, shared): (Vec<_>, Vec<_>) =
        writes.into_iter().partition(|(write, _)| write.target.table.temporary);
    let mut done = Ok(());
    for writes in [shared, own].iter().filter(|writes| !writes.is_empty()) {
        let catalog = context.home(&writes[0].0.target.table);
        if done.is_ok() {
            done = publish_in(context, catalog, writes).await;
        }
        if done.is_err() {
            clean_up(context, catalog, writes).await;
        }
    }
    done
}

/// After a failure. The transaction's own error is the one to tell; what stays is noted and swept later.
async fn clean_up(context: &DdlContext<'_>, catalog: &Catalog, writes: &[(Write, Outcome)]) {
    for (write, _) in writes {
        // A write that was published after all is not there to be abandoned, and keeps its files.
        if let Err(left) = end(context, catalog, write.pending.clone()).await {
            tracing::warn!(error = %left, "files of a failed statement are left for the next session to sweep");
        }
    }
}

async fn publish_in(
    context: &DdlContext<'_>,
    catalog: &Catalog,
    writes: &[(Write, Outcome)],
) -> Result<(), WriteError> {
    for (write, _) in writes {
        for location in &write.pending.record.locations {
            files::clear_leftovers(context, location).await?;
        }
    }
    loop {
        let mut publication = Publication::new(context, catalog).await?;
        for (write, outcome) in writes {
            publication.add(write, outcome).await?;
        }
        match publication.commit().await {
            // Somebody changed a table or a partition of these meanwhile: what they made of it is read again.
            Err(error) if error.is_conflict() => {}
            done => return done,
        }
    }
}

/// A transaction in the making.
struct Publication<'a> {
    context: &'a DdlContext<'a>,
    catalog: &'a Catalog,
    snapshot: Snapshot,
    change: Change,
    tables: BTreeMap<TableId, TableDraft>,
    removals: BTreeMap<String, Replaced>,
    /// What LOAD took from elsewhere.
    moved: Vec<Removal>,
    created: Option<Table>,
}

struct TableDraft {
    /// `None`: this statement creates it.
    old: Option<Versioned<Table>>,
    new: Table,
    /// By their values.
    partitions: BTreeMap<Vec<String>, PartitionDraft>,
}

struct PartitionDraft {
    old: Option<Versioned<Partition>>,
    new: Partition,
}

/// The fields that a write changes of a table's record and of a partition's alike.
struct Home<'a> {
    name: String,
    location: String,
    contents: &'a mut Option<Contents>,
    properties: &'a mut PropertyMap,
    statistics: &'a mut BTreeMap<String, ColumnStatistics>,
    /// It was not there when the transaction began.
    is_new: bool,
}

impl<'a> Publication<'a> {
    async fn new(context: &'a DdlContext<'a>, catalog: &'a Catalog) -> Result<Publication<'a>, WriteError> {
        Ok(Publication {
            context,
            catalog,
            snapshot: catalog.snapshot().await?,
            change: Change::default(),
            tables: BTreeMap::new(),
            removals: BTreeMap::new(),
            moved: Vec::new(),
            created: None,
        })
    }

    async fn add(&mut self, write: &Write, outcome: &Outcome) -> Result<(), WriteError> {
        self.change.end_write(&write.pending);
        if let Some((location, moved)) = &outcome.moved {
            let (location, replaced) = (location.clone(), Some(moved.clone()));
            self.moved.push(Removal { location, replaced, due_seconds: 0 });
        }
        self.draft_table(write).await?;
        let target = &write.target;
        if !target.table.is_partitioned() {
            let amount = outcome.folders.get("").copied().unwrap_or_default();
            return self.change_contents(write, outcome, None, amount).await;
        }
        if target.is_whole() {
            let amount = outcome.folders.get("").copied().unwrap_or_default();
            return self.change_contents(write, outcome, Some(target.fixed.clone()), amount).await;
        }
        let mut amounts: BTreeMap<Vec<String>, Amount> =
            outcome.replaced.keys().map(|values| (values.clone(), Amount::default())).collect();
        for (folder, amount) in &outcome.folders {
            let found = crate::catalog::partition_values(folder).unwrap_or_default();
            let values = target.fixed.iter().cloned().chain(found.into_iter().map(|(_, value)| value));
            amounts.insert(values.collect(), *amount);
        }
        for (values, amount) in amounts {
            self.change_contents(write, outcome, Some(values), amount).await?;
        }
        Ok(())
    }

    async fn draft_table(&mut self, write: &Write) -> Result<(), WriteError> {
        let table = &write.target.table;
        if self.tables.contains_key(&table.id) {
            return Ok(());
        }
        let (old, new) = if write.target.is_created {
            self.created = Some(table.clone());
            (None, table.clone())
        } else {
            let found = self.catalog.find_table(&table.database, &table.name).await?;
            let found = found.filter(|found| found.record.id == table.id);
            let old = found.ok_or_else(|| WriteError::TableGone(table.full_name()))?;
            let new = old.record.clone();
            (Some(old), new)
        };
        self.tables.insert(table.id, TableDraft { old, new, partitions: BTreeMap::new() });
        Ok(())
    }

    async fn draft_partition(
        &mut self,
        table: TableId,
        values: &[String],
        made: Option<&Partition>,
    ) -> Result<(), WriteError> {
        let Some(draft) = self.tables.get_mut(&table) else { return Ok(()) };
        if draft.partitions.contains_key(values) {
            return Ok(());
        }
        let old = match draft.old {
            Some(_) => self.catalog.find_partition(&draft.new, values).await?,
            None => None,
        };
        if let (Some(old), Some(_)) = (&old, made) {
            return Err(CatalogError::PartitionExists(draft.new.partition_name(&old.record)).into());
        }
        let new = old.as_ref().map(|old| old.record.clone()).or_else(|| made.cloned());
        let new = new.unwrap_or_else(|| Partition {
            values: values.to_vec(),
            location: None,
            columns: draft.new.columns.clone(),
            storage: None,
            properties: empty_properties(),
            created_seconds: self.context.now_seconds(),
            last_access_seconds: 0,
            statistics: BTreeMap::new(),
            contents: None,
        });
        draft.partitions.insert(values.to_vec(), PartitionDraft { old, new });
        Ok(())
    }

    async fn change_contents(
        &mut self,
        write: &Write,
        outcome: &Outcome,
        values: Option<Vec<String>>,
        amount: Amount,
    ) -> Result<(), WriteError> {
        if let Some(values) = &values {
            self.draft_partition(write.target.table.id, values, outcome.partitions.get(values)).await?;
        }
        let counted = match outcome.replaced.is_empty() {
            true => outcome.statistics(&write.description().columns, self.context.facts)?,
            false => None,
        };
        let Some(draft) = self.tables.get_mut(&write.target.table.id) else { return Ok(()) };
        if let Some(values) = values.as_ref().filter(|values| outcome.replaced.contains_key(*values))
            && let Some(partition) = draft.partitions.get_mut(values)
        {
            // All files that were of other columns are replaced.
            partition.new.columns.clone_from(&draft.new.columns);
        }
        let Some(mut home) = draft.home(values.as_deref()) else { return Ok(()) };
        let number = write.pending.record.number;
        let added = statistics::BasicStatistics {
            files: amount.files,
            bytes: amount.bytes,
            rows: outcome.is_counted.then_some(amount.rows),
            raw_bytes: outcome.is_counted.then(|| amount.bytes.saturating_sub(amount.rows)),
        };
        let rows_before = if write.target.overwrite { Some(0) } else { statistics::rows(home.properties) };
        if write.target.overwrite {
            let old = home.contents.as_ref();
            if old.is_some_and(|old| old.changed_since(&write.began)) {
                let by = by(old.and_then(|old| old.last.as_ref()));
                return Err(WriteError::Conflict { what: home.name, by });
            }
            let all = all_files(self.context.stores, &home.location).await?;
            let seen = seen_among(is_recursive(self.context), &all, old, &self.snapshot);
            home.overwrite(seen, self.removals.entry(home.location.clone()).or_default());
            if added.rows.is_none() {
                statistics::forget_rows(home.properties);
            }
            statistics::set(home.properties, &added);
        } else if let Some(replaced) = outcome.replaced.get(values.as_deref().unwrap_or_default()) {
            let all = all_files(self.context.stores, &home.location).await?;
            let contents = home.contents.as_ref();
            let seen = seen_among(is_recursive(self.context), &all, contents, &self.snapshot);
            let removal = self.removals.entry(home.location.clone()).or_default();
            home.replace(&self.snapshot, &all, seen, replaced, removal, &added)?;
        } else {
            statistics::add(home.properties, &added);
        }
        home.learn(write, rows_before, counted, amount.rows);
        let contents = home.contents.get_or_insert_with(|| Contents::untouched(self.snapshot.clone()));
        contents.writes.insert(number, outcome.attempts.clone());
        contents.last = Some(LastWrite {
            write: number,
            user: write.pending.record.user.clone(),
            seconds: self.context.now_seconds(),
        });
        Ok(())
    }

    async fn commit(mut self) -> Result<(), WriteError> {
        for draft in self.tables.values() {
            match &draft.old {
                Some(old) if !draft.new.is_partitioned() => self.change.replace_table(old, &draft.new)?,
                Some(old) => self.change.expect_table(old),
                None => self.catalog.add_table(&mut self.change, &draft.new).await?,
            }
            for partition in draft.partitions.values() {
                match &partition.old {
                    Some(old) => self.change.replace_partition(&draft.new, old, &partition.new)?,
                    None => self.change.add_partition(&draft.new, &partition.new)?,
                }
            }
        }
        let keep = (self.context.settings)(KEEP_SECONDS).and_then(|text| text.parse::<i64>().ok());
        let due_seconds = keep.map_or(0, |keep| self.context.now_seconds() + keep);
        let removals = self.removals.into_iter().filter(|(_, replaced)| *replaced != Replaced::default());
        let removals =
            removals.map(|(location, replaced)| Removal { location, replaced: Some(replaced), due_seconds });
        let removals = removals.chain(self.moved).collect();
        let done = files::commit_then_remove(self.context, self.catalog, self.change, removals).await;
        match (done, self.created) {
            (Err(error), Some(created)) if error.is_conflict() => {
                match self.catalog.find_table(&created.database, &created.name).await? {
                    Some(_) => Err(CatalogError::TableExists(created.full_name()).into()),
                    None => Err(error.into()),
                }
            }
            (done, _) => Ok(done?),
        }
    }
}

impl TableDraft {
    /// The table's own, or a partition's that was drafted.
    fn home(&mut self, values: Option<&[String]>) -> Option<Home<'_>> {
        let Some(values) = values else {
            return Some(Home {
                name: format!("table {}", self.new.full_name()),
                location: self.new.storage.location.clone(),
                contents: &mut self.new.contents,
                properties: &mut self.new.properties,
                statistics: &mut self.new.statistics,
                is_new: self.old.is_none(),
            });
        };
        let draft = self.partitions.get_mut(values)?;
        let (partition, is_new) = (&mut draft.new, draft.old.is_none());
        let named = self.new.partition_name(partition);
        Some(Home {
            name: format!("partition {named} of table {}", self.new.full_name()),
            location: self.new.partition_location(partition),
            contents: &mut partition.contents,
            properties: &mut partition.properties,
            statistics: &mut partition.statistics,
            is_new,
        })
    }
}

impl Home<'_> {
    /// Numbers of columns stay true only where both the old rows and the new ones were counted.
    fn learn(
        &mut self,
        write: &Write,
        rows_before: Option<u64>,
        counted: Option<BTreeMap<String, ColumnStatistics>>,
        rows_added: u64,
    ) {
        let old = std::mem::take(self.statistics);
        let types: BTreeMap<&str, &HiveType> =
            write.description().columns.iter().map(|(name, ty)| (name.as_str(), ty)).collect();
        let now = |(name, new): (String, ColumnStatistics)| match rows_before? {
            0 => Some((name, new)),
            rows => {
                let (old, ty) = (old.get(&name)?, types.get(name.as_str())?);
                let both = columns::together((old, rows), (&new, rows_added), ty);
                Some((name, both))
            }
        };
        *self.statistics = counted.into_iter().flatten().filter_map(now).collect();
        if !self.statistics.is_empty() {
            let names: Vec<&str> = self.statistics.keys().map(String::as_str).collect();
            statistics::set_columns(self.properties, &names);
        }
    }

    /// Nothing that was seen is seen any more.
    fn overwrite(&mut self, seen: Vec<SeenFile>, removal: &mut Replaced) {
        let mut new = Contents::default();
        for file in seen {
            match WrittenName::of_path(&file.name) {
                Some(written) => drop(removal.writes.insert(written.write)),
                None => {
                    removal.files.insert(file.name.clone(), file.stamp);
                    new.hidden.insert(file.name, Some(file.stamp));
                }
            }
        }
        *self.contents = Some(new);
    }

    /// Some files are seen no more. If one of them is not seen now, somebody else has changed rows of it.
    fn replace(
        &mut self,
        snapshot: &Snapshot,
        all: &[SeenFile],
        mut seen: Vec<SeenFile>,
        replaced: &ReplacedFiles,
        removal: &mut Replaced,
        added: &statistics::BasicStatistics,
    ) -> Result<(), WriteError> {
        let contents = self.contents.get_or_insert_with(|| Contents::untouched(snapshot.clone()));
        let before = seen.len();
        seen.retain(|file| replaced.files.get(&file.name) != Some(&file.stamp));
        if self.is_new || before - seen.len() != replaced.files.len() {
            let by = by(contents.last.as_ref());
            return Err(WriteError::RowsConflict { what: self.name.clone(), by });
        }
        for (name, stamp) in &replaced.files {
            contents.remove(name, *stamp);
            removal.files.insert(name.clone(), *stamp);
        }
        contents.compact(&all.iter().map(|file| file.name.as_str()).collect::<BTreeSet<_>>());
        let bytes = added.bytes + seen.iter().map(|file| file.stamp.bytes).sum::<u64>();
        let files = added.files + seen.len() as u64;
        statistics::change(self.properties, files, bytes, replaced.rows_gone);
        Ok(())
    }
}

fn empty_properties() -> PropertyMap {
    let mut properties = PropertyMap::new();
    statistics::set_empty(&mut properties);
    properties
}

/// Who wrote, for a message.
pub(super) fn by(last: Option<&LastWrite>) -> String {
    last.map(|last| format!(" by {} (write {})", last.user, last.write)).unwrap_or_default()
}

/// Gives a write up: from now on it cannot be published, and its files go.
pub async fn abandon(context: &DdlContext<'_>, write: Write) -> Result<(), WriteError> {
    let catalog = context.home(&write.target.table);
    end(context, catalog, write.pending).await
}

/// Ends the writes of sessions that are no more.
pub async fn sweep(
    context: &DdlContext<'_>,
    is_gone: impl Fn(&PendingWrite) -> bool,
) -> Result<(), WriteError> {
    let catalog = &context.catalog.shared;
    for write in catalog.pending_writes().await?.into_iter().filter(|write| is_gone(&write.record)) {
        end(context, catalog, write).await?;
    }
    Ok(())
}

async fn end(
    context: &DdlContext<'_>,
    catalog: &Catalog,
    write: Versioned<PendingWrite>,
) -> Result<(), WriteError> {
    let abandoned = match write.record.abandoned {
        true => write,
        false => catalog.abandon_write(&write).await?,
    };
    let number = abandoned.record.number;
    for location in &abandoned.record.locations {
        files::delete_of_write(context, location, number).await?;
    }
    let mut change = Change::default();
    change.end_write(&abandoned);
    Ok(catalog.commit(change).await?)
}
