//! EXPORT and IMPORT.

use super::{Answer, Session, SessionError};
use crate::{
    catalog::{Table, TableId, TableKind},
    ddl::{DdlContext, DdlError, Problem, constraints, create_table, partition_spec, statistics},
    syntax::ast::{ObjectName, PartitionSpec, Statement},
    write::{self, ExportedFolder, ImportSource, SeenTable, StoredFiles, Target},
};
use std::collections::BTreeMap;

/// What an IMPORT makes or adds to.
struct Import {
    target: Target,
    folders: Vec<ExportedFolder>,
    /// The files stay where they are.
    stays: bool,
}

impl Session {
    pub(super) async fn export(
        &self,
        context: &DdlContext<'_>,
        name: &ObjectName,
        spec: &PartitionSpec,
        path: &str,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let of_ddl = |error| SessionError::of_ddl(&error, text);
        let table = self.target_table(context, name, text).await?;
        let filter = partition_spec::filter(&table, spec).map_err(of_ddl)?;
        let files = StoredFiles::new(context, self.stores.clone(), table.clone(), Vec::new())?;
        let seen = SeenTable::of(files, &filter).await?;
        if seen.parts.is_empty() && !spec.is_empty() {
            return Err(of_ddl(Problem::NoPartition(partition_spec::text(spec)).into()));
        }
        write::export(context, &table, &seen, &self.located(path)).await?;
        Ok(Answer::done())
    }

    pub(super) async fn import(
        &self,
        context: &DdlContext<'_>,
        statement: &Statement,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let Statement::Import { path, .. } = statement else { return Ok(Answer::done()) };
        let source = ImportSource::open(context, &self.located(path)).await?;
        let destination = self.destination(context, statement, &source).await;
        let Import { target, folders, stays } =
            destination.map_err(|error| SessionError::of_ddl(&error, text))?;
        let write = target.begin(context, &self.id).await?;
        match source.copy(context, &folders, &write, stays).await {
            Ok(outcome) => {
                write::publish(context, vec![(write, outcome)]).await?;
                Ok(Answer::done())
            }
            Err(error) => {
                write::abandon(context, write).await?;
                Err(error.into())
            }
        }
    }

    async fn destination(
        &self,
        context: &DdlContext<'_>,
        statement: &Statement,
        source: &ImportSource,
    ) -> Result<Import, DdlError> {
        let Statement::Import { table: name, external, partition, location, .. } = statement else {
            return Err(DdlError::NotMine("this"));
        };
        let exported = &source.exported.table;
        let (database, name) = match name {
            Some(name) => context.resolve(name)?,
            None => (self.database.to_lowercase(), exported.name.clone()),
        };
        let location = location.as_ref().map(|location| self.located(location.trim_end_matches('/')));
        let folders = chosen(source, partition)?;
        let since = context.catalog.shared.snapshot().await?;
        let found = context.catalog.find_table(&database, &name).await?;
        let Some(found) = found.map(|found| found.record) else {
            let mut table = made(context, exported, &database, &name, *external);
            table.id = TableId(self.catalog.shared.next_number().await?);
            // One partition with a location goes there, and its table where tables go.
            let of_table = location.clone().filter(|_| partition.is_empty());
            let stays = *external && location.is_none();
            table.storage.location = match of_table {
                Some(location) => location,
                None if stays => source.place(),
                None => create_table::default_location(context, &database, &name, false).await?,
            };
            let placed = placed(&table, &folders, location.filter(|_| !partition.is_empty()));
            let target = Target { is_created: true, placed, ..Target::of(table) };
            return Ok(Import { target, folders, stays });
        };
        check_same(&found, exported)?;
        if *external && found.kind != TableKind::External {
            let text = "External table cannot overwrite existing table. Drop existing table first.";
            return Err(Problem::Incompatible(text).into());
        }
        if location
            .as_ref()
            .is_some_and(|location| partition.is_empty() && *location != found.storage.location)
        {
            return Err(Problem::Incompatible("Location does not match").into());
        }
        check_free(context, &found, &folders).await?;
        let placed = placed(&found, &folders, location.filter(|_| !partition.is_empty()));
        // Nothing was there, and nothing may have come meanwhile.
        let overwrite = !found.is_partitioned();
        let target = Target { overwrite, since: Some(since), placed, ..Target::of(found) };
        Ok(Import { target, folders, stays: false })
    }
}

/// The folders of an export that the statement asks for.
fn chosen(source: &ImportSource, spec: &PartitionSpec) -> Result<Vec<ExportedFolder>, DdlError> {
    let exported = &source.exported;
    let filter = partition_spec::filter(&exported.table, spec)?;
    if !spec.is_empty() && filter.iter().any(Option::is_none) {
        return Err(DdlError::Refused(
            "Partition not found - Specified partition not found in import directory".to_owned(),
        ));
    }
    let fits = |folder: &&ExportedFolder| {
        let values = folder.partition.iter().flat_map(|partition| &partition.values);
        values.zip(&filter).all(|(value, wanted)| wanted.as_ref().is_none_or(|wanted| wanted == value))
    };
    let folders: Vec<ExportedFolder> = exported.folders.iter().filter(fits).cloned().collect();
    if folders.is_empty() && !spec.is_empty() {
        return Err(Problem::NoPartition(partition_spec::text(spec)).into());
    }
    Ok(folders)
}

/// `LOCATION` of an import of one partition.
fn placed(table: &Table, folders: &[ExportedFolder], location: Option<String>) -> BTreeMap<String, String> {
    let partition = folders.first().and_then(|folder| folder.partition.as_ref());
    match (location, partition) {
        (Some(location), Some(partition)) if folders.len() == 1 => {
            BTreeMap::from([(table.partition_name(partition), location)])
        }
        _ => BTreeMap::new(),
    }
}

/// A new table like the exported one. It is this database's own unless the statement says EXTERNAL.
fn made(context: &DdlContext<'_>, exported: &Table, database: &str, name: &str, external: bool) -> Table {
    let mut properties = statistics::without(&exported.properties);
    properties.remove("EXTERNAL");
    if external {
        properties.insert("EXTERNAL".to_owned(), "TRUE".to_owned());
        properties.remove("transactional");
    }
    if !exported.is_partitioned() {
        statistics::set_empty(&mut properties);
    }
    let constraints = exported.constraints.iter().filter(|it| constraints::is_of_column(it));
    Table {
        database: database.to_owned(),
        name: name.to_owned(),
        kind: if external { TableKind::External } else { TableKind::Managed },
        temporary: false,
        properties,
        owner: context.facts.user.clone(),
        created_seconds: context.now_seconds(),
        last_access_seconds: 0,
        constraints: constraints.cloned().collect(),
        ..exported.clone()
    }
}

/// Whether files of the one are files of the other.
fn check_same(found: &Table, exported: &Table) -> Result<(), DdlError> {
    let types = |columns: &[crate::catalog::Column]| -> Vec<(String, crate::types::HiveType)> {
        columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect()
    };
    let (here, there) = (&found.storage, &exported.storage);
    let problem = if found.is_view() {
        "It is a view"
    } else if types(&found.columns) != types(&exported.columns) {
        "Column Schema does not match"
    } else if types(&found.partition_keys) != types(&exported.partition_keys) {
        "Partition Schema does not match"
    } else if (&here.input_format, &here.output_format) != (&there.input_format, &there.output_format) {
        "Table inputformat/outputformats do not match"
    } else if (&here.serde, &here.serde_properties) != (&there.serde, &there.serde_properties) {
        "Table Serde class does not match"
    } else if (&here.bucket_columns, here.buckets) != (&there.bucket_columns, there.buckets) {
        "Table bucketing spec does not match"
    } else if here.sort_columns != there.sort_columns {
        "Table sorting spec does not match"
    } else {
        return Ok(());
    };
    Err(Problem::Incompatible(problem).into())
}

/// Nothing is added to what is there: a table without partitions has to be empty, and partitions have to be new.
async fn check_free(
    context: &DdlContext<'_>,
    found: &Table,
    folders: &[ExportedFolder],
) -> Result<(), DdlError> {
    let catalog = context.home(found);
    if !found.is_partitioned() {
        let snapshot = catalog.snapshot().await?;
        let location = &found.storage.location;
        let seen = write::seen_files(
            context.stores,
            write::is_recursive(context),
            location,
            found.contents.as_ref(),
            &snapshot,
        )
        .await?;
        return match seen.is_empty() {
            true => Ok(()),
            false => Err(Problem::HasData(found.full_name()).into()),
        };
    }
    for partition in folders.iter().filter_map(|folder| folder.partition.as_ref()) {
        if catalog.find_partition(found, &partition.values).await?.is_some() {
            return Err(Problem::PartitionThere(found.partition_name(partition)).into());
        }
    }
    Ok(())
}
