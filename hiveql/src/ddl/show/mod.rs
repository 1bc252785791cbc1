//! SHOW.

mod create_table;
mod extended;
mod partitions;
mod pattern;

use super::{DdlContext, DdlError, Output};
use crate::{
    catalog::TableKind,
    functions::registry,
    syntax::ast::{Name, ObjectName, Show},
};
use pattern::Pattern;

/// The width to which Hive's CLI pads the columns of DESCRIBE and SHOW COLUMNS.
pub const WIDTH: usize = 20;

pub async fn execute(context: &DdlContext<'_>, show: &Show) -> Result<Output, DdlError> {
    match show {
        Show::Databases { like } => {
            let names = context.catalog.shared.databases().await?.into_iter().map(|database| database.name);
            Ok(names_output(context, "database_name", "databases", filtered(names, like.as_deref())))
        }
        Show::Tables { database, like, extended } => {
            tables(context, database.as_ref(), like.as_deref(), *extended).await
        }
        Show::Views { database, like, materialized } => {
            let kind = if *materialized { TableKind::MaterializedView } else { TableKind::View };
            let tables = context.catalog.tables(&current(context, database.as_ref()).await?).await?;
            let names = tables.into_iter().filter(|table| table.kind == kind).map(|table| table.name);
            Ok(names_output(context, "tab_name", "tables", filtered(names, like.as_deref())))
        }
        Show::Columns { table, like, sorted } => columns(context, table, like.as_deref(), *sorted).await,
        Show::Partitions { table, partition, filter, order_by, limit } => {
            partitions::execute(context, table, partition, filter.as_ref(), order_by, limit.as_ref()).await
        }
        Show::Functions { like } => functions(context, like.as_deref()).await,
        Show::TableProperties { table, key } => properties(context, table, key.as_deref()).await,
        Show::CreateTable(table) => create_table::table(context, table).await,
        Show::CreateDatabase(name) => create_table::database(context, name).await,
        Show::TableExtended { database, like, partition } => {
            extended::execute(context, database.as_ref(), like, partition).await
        }
        // There are none, ever: what would be listed does not exist here.
        Show::Indexes | Show::Locks | Show::Transactions | Show::Compactions => Ok(Output::none()),
        Show::Conf(name) => {
            let value = (context.settings)(name).unwrap_or_default();
            Ok(Output::table(&["default", "type", "desc"], [vec![value, "STRING".to_owned(), String::new()]]))
        }
        Show::CurrentRoles => Ok(Output::listing("role", ["public".to_owned()])),
    }
}

/// The named database, which has to exist, or the current one.
async fn current(context: &DdlContext<'_>, database: Option<&Name>) -> Result<String, DdlError> {
    match database {
        Some(name) => Ok(context.catalog.shared.database(&name.folded()).await?.record.name),
        None => Ok(context.facts.database.to_lowercase()),
    }
}

fn filtered(names: impl Iterator<Item = String>, like: Option<&str>) -> Vec<String> {
    let pattern = Pattern::new(like.unwrap_or("*"));
    names.filter(|name| pattern.matches(name)).collect()
}

/// As rows, or with `hive.ddl.output.format=json` as one object.
fn names_output(context: &DdlContext<'_>, column: &str, key: &str, names: Vec<String>) -> Output {
    if context.setting_is("hive.ddl.output.format", "json") {
        return Output::listing(column, [serde_json::json!({ key: names }).to_string()]);
    }
    Output::listing(column, names)
}

async fn tables(
    context: &DdlContext<'_>,
    database: Option<&Name>,
    like: Option<&str>,
    extended: bool,
) -> Result<Output, DdlError> {
    let pattern = Pattern::new(like.unwrap_or("*"));
    let tables = context.catalog.tables(&current(context, database).await?).await?;
    let tables = tables.into_iter().filter(|table| pattern.matches(&table.name));
    if extended {
        let rows = tables.map(|table| vec![table.name, table.kind.words().to_owned()]);
        return Ok(Output::table(&["tab_name", "table_type"], rows));
    }
    Ok(names_output(context, "tab_name", "tables", tables.map(|table| table.name).collect()))
}

async fn columns(
    context: &DdlContext<'_>,
    table: &ObjectName,
    like: Option<&str>,
    sorted: bool,
) -> Result<Output, DdlError> {
    let table = context.table(table).await?.record;
    let mut names = filtered(table.all_columns().map(|column| column.name.clone()), like);
    if sorted {
        names.sort();
    }
    Ok(Output::listing("field", names.into_iter().map(|name| format!("{name:<WIDTH$}"))))
}

/// Those that are built in, the catalog's and the session's own.
async fn functions(context: &DdlContext<'_>, like: Option<&str>) -> Result<Output, DdlError> {
    let mut names = context.catalog.own_function_names();
    names.extend(registry::names().into_iter().map(str::to_owned));
    let lasting = context.catalog.shared.all_functions().await?;
    names.extend(lasting.into_iter().map(|function| format!("{}.{}", function.database, function.name)));
    names.sort();
    names.dedup();
    Ok(Output::listing("tab_name", filtered(names.into_iter(), like)))
}

async fn properties(
    context: &DdlContext<'_>,
    table: &ObjectName,
    key: Option<&str>,
) -> Result<Output, DdlError> {
    let table = context.table(table).await?.record;
    let columns = ["prpt_name", "prpt_value"];
    let Some(key) = key else {
        return Ok(Output::table(
            &columns,
            table.properties.into_iter().map(|(key, value)| vec![key, value]),
        ));
    };
    let value = table
        .properties
        .get(key)
        .cloned()
        .unwrap_or_else(|| format!("Table {} does not have property: {key}", table.full_name()));
    Ok(Output::table(&columns, [vec![key.to_owned(), value]]))
}
