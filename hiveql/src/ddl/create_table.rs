//! CREATE TABLE: from its clauses to the catalog's table.

use super::{
    DdlContext, DdlError, Output, Problem, constraints, files, statistics, storage_clauses, table_checks,
};
use crate::{
    catalog::{Column, StorageDescriptor, Table, TableId, TableKind, Versioned},
    syntax::ast::{ColumnDefinition, CreateSource, CreateTable, ObjectName, RowFormat},
    types::HiveType,
};
use std::collections::BTreeMap;

const EXTERNAL_AS_QUERY: &str = "hive.ctas.external.tables";

pub async fn execute(context: &DdlContext<'_>, statement: &CreateTable) -> Result<Output, DdlError> {
    if exists(context, statement).await? {
        return Ok(Output::none());
    }
    let table = match &statement.source {
        CreateSource::None => define(context, statement, None).await?,
        CreateSource::Like(source) => like(context, statement, source).await?,
        CreateSource::LikeFile { .. } | CreateSource::Query(_) => {
            return Err(DdlError::NotMine("CREATE TABLE with columns that the planner has to find"));
        }
    };
    store(context, table).await?;
    Ok(Output::none())
}

/// Whether there is nothing to be done, for the table is there. A temporary one may take the name of one that is not.
pub async fn exists(context: &DdlContext<'_>, statement: &CreateTable) -> Result<bool, DdlError> {
    let (database, name) = context.resolve(&statement.name)?;
    let found = context.catalog.home(statement.temporary).find_table(&database, &name).await?;
    match found {
        None => Ok(false),
        Some(_) if statement.if_not_exists => Ok(true),
        Some(table) => Err(crate::catalog::CatalogError::TableExists(table.record.full_name()).into()),
    }
}

/// Puts a defined table into the catalog, once nobody's files lie where it will be.
pub async fn store(context: &DdlContext<'_>, table: Table) -> Result<Table, DdlError> {
    files::clear_leftovers(context, &table.storage.location).await?;
    Ok(context.catalog.create_table(table).await?)
}

/// The definition half of a CREATE TABLE: of a CTAS with the columns that its query has, else with its own.
/// It does not put the table into the catalog: see [`store`].
pub async fn define(
    context: &DdlContext<'_>,
    statement: &CreateTable,
    of_query: Option<Vec<Column>>,
) -> Result<Table, DdlError> {
    if let (Some(_), true, Some("false")) =
        (&of_query, statement.external, (context.settings)(EXTERNAL_AS_QUERY).as_deref())
    {
        return Err(Problem::ExternalAsQuery.into());
    }
    let says_storage =
        matches!(statement.row_format, Some(RowFormat::Serde { .. })) || statement.format.is_some();
    if of_query.is_none() && statement.columns.is_empty() && !says_storage {
        return Err(Problem::NoColumns.into());
    }
    let (columns, partition_keys) = match of_query {
        None => (columns(&statement.columns)?, columns(&statement.partitioned_by)?),
        Some(found) => columns_of_query(statement, found)?,
    };
    table_checks::columns(&columns, &partition_keys)?;
    let mut table = empty(context, statement).await?;
    let location = std::mem::take(&mut table.storage.location);
    table.storage = storage_clauses::storage(context, statement)?;
    table.storage.location = location;
    storage_clauses::add_delimiters(&mut table.storage, statement.row_format.as_ref())?;
    table.columns = columns;
    table.partition_keys = partition_keys;
    if let Some(clustering) = &statement.clustered_by {
        table_checks::clustering(&table.columns, clustering)?;
        storage_clauses::set_clustering(&mut table.storage, clustering);
    }
    if let Some(skew) = &statement.skewed_by {
        table_checks::skew(&table.columns, skew)?;
        table.storage.skew = Some(storage_clauses::skew(skew));
    }
    table.constraints = constraints::all(context, &table, &statement.columns, &statement.constraints)?;
    if statistics::rows(&table.properties) == Some(0) {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        statistics::set_columns(&mut table.properties, &names);
    }
    constraints::check(context, &table, 0).await?;
    storage_clauses::check_serde(&table.storage, &table.columns, &table.properties)?;
    Ok(table)
}

/// What every way to create a table has in common.
async fn empty(context: &DdlContext<'_>, statement: &CreateTable) -> Result<Table, DdlError> {
    let (database, name) = context.resolve(&statement.name)?;
    table_checks::name(&name, statement.name.span)?;
    let location = match &statement.location {
        Some(location) => files::whole(context, location),
        None => default_location(context, &database, &name, statement.temporary).await?,
    };
    let mut properties: BTreeMap<String, String> = statement.properties.iter().cloned().collect();
    if let Some(comment) = &statement.comment {
        properties.insert("comment".to_owned(), comment.clone());
    }
    let external = statement.external || is_external(&properties);
    if external {
        properties.insert("EXTERNAL".to_owned(), "TRUE".to_owned());
    }
    if statement.transactional {
        properties.insert("transactional".to_owned(), "true".to_owned());
    }
    properties.entry("bucketing_version".to_owned()).or_insert_with(|| "2".to_owned());
    if !external && statement.partitioned_by.is_empty() {
        statistics::set_empty(&mut properties);
    }
    Ok(Table {
        id: TableId(0),
        database,
        name,
        kind: if external { TableKind::External } else { TableKind::Managed },
        temporary: statement.temporary,
        columns: Vec::new(),
        partition_keys: Vec::new(),
        storage: StorageDescriptor { location, ..StorageDescriptor::default() },
        properties,
        owner: context.facts.user.clone(),
        owner_kind: "USER".to_owned(),
        created_seconds: context.now_seconds(),
        last_access_seconds: 0,
        retention: 0,
        view: None,
        constraints: Vec::new(),
        statistics: BTreeMap::new(),
        contents: None,
    })
}

/// A query's rows go to a place of their own.
pub async fn check_place(context: &DdlContext<'_>, statement: &CreateTable) -> Result<(), DdlError> {
    let Some(location) = &statement.location else { return Ok(()) };
    let location = files::whole(context, location);
    match statement.external || files::list(context.stores, &location).await?.is_empty() {
        true => Ok(()),
        false => Err(Problem::FullLocation(location).into()),
    }
}

/// What the property of that name says, which makes a table external, and one that was external the warehouse's.
pub fn is_external(properties: &BTreeMap<String, String>) -> bool {
    properties.get("EXTERNAL").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Below the database's place. A temporary table has a place of its own, for it may share its name with another.
pub async fn default_location(
    context: &DdlContext<'_>,
    database: &str,
    name: &str,
    temporary: bool,
) -> Result<String, DdlError> {
    if temporary {
        let number = context.catalog.shared.next_number().await?;
        return Ok(format!("{}/.temporary/{number:016x}/{name}", context.warehouse));
    }
    let database = context.catalog.shared.database(database).await?.record;
    let base = database.managed_location.unwrap_or(database.location);
    Ok(format!("{}/{name}", base.trim_end_matches('/')))
}

/// Columns of a definition, each with its type.
pub fn columns(definitions: &[ColumnDefinition]) -> Result<Vec<Column>, DdlError> {
    definitions.iter().map(column).collect()
}

pub fn column(definition: &ColumnDefinition) -> Result<Column, DdlError> {
    let name = definition.name.folded();
    match &definition.ty {
        Some(ty) => Ok(Column { name, ty: ty.clone(), comment: definition.comment.clone() }),
        None => Err(DdlError::Refused(format!("column {name} has no type"))),
    }
}

/// `PARTITIONED BY (a, b)` of a CTAS takes columns out of the query's.
fn columns_of_query(
    statement: &CreateTable,
    found: Vec<Column>,
) -> Result<(Vec<Column>, Vec<Column>), DdlError> {
    if let Some(column) = found.iter().find(|column| column.ty == HiveType::Void) {
        return Err(Problem::VoidColumn(column.name.clone()).into());
    }
    let mut keys = Vec::new();
    for key in &statement.partitioned_by {
        let column = found.iter().find(|column| key.name.is(&column.name));
        keys.push(column.ok_or_else(|| Problem::NoPartitionColumn(key.name.folded()))?.clone());
    }
    let rest = found.into_iter().filter(|column| keys.iter().all(|key| key.name != column.name));
    Ok((rest.collect(), keys))
}

async fn like(
    context: &DdlContext<'_>,
    statement: &CreateTable,
    source: &ObjectName,
) -> Result<Table, DdlError> {
    let Versioned { record: source, .. } = context.table(source).await?;
    let mut table = empty(context, statement).await?;
    let location = std::mem::take(&mut table.storage.location);
    table.storage = if source.is_view() || statement.format.is_some() {
        storage_clauses::storage(context, statement)?
    } else {
        source.storage
    };
    table.storage.location = location;
    table.columns = source.columns;
    table.partition_keys = source.partition_keys;
    if table.is_partitioned() {
        table.properties.retain(|key, _| !key.starts_with("num") && key != statistics::ACCURATE);
    }
    // NOT NULL and DEFAULT go along, keys do not: their names are the source's.
    table.constraints = source.constraints.into_iter().filter(constraints::is_of_column).collect();
    Ok(table)
}
