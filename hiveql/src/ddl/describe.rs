//! DESCRIBE of tables, partitions, columns and databases. Texts are padded as Hive's CLI pads them.

mod column;
mod formatted;

use super::{DdlContext, DdlError, Output, Problem, partition_spec, show::WIDTH};
use crate::{
    catalog::{Column, Partition, Table},
    syntax::ast::{Describe, Detail, Name},
};

const COLUMNS: [&str; 3] = ["col_name", "data_type", "comment"];

pub async fn execute(context: &DdlContext<'_>, describe: &Describe) -> Result<Output, DdlError> {
    match describe {
        Describe::Database { name, extended } => database(context, name, *extended).await,
        Describe::Table { name, partition, column, detail } => {
            let table = context.table(name).await?.record;
            if !column.is_empty() {
                return column::execute(&table, column, *detail);
            }
            let found = if partition.is_empty() {
                None
            } else {
                let values = partition_spec::values(&table, partition)?;
                let found = context.home(&table).find_partition(&table, &values).await?;
                Some(found.ok_or_else(|| Problem::NoPartition(partition_spec::text(partition)))?.record)
            };
            Ok(whole(context, &table, found.as_ref(), *detail))
        }
        Describe::Function { .. } => Err(DdlError::NotMine("DESCRIBE FUNCTION")),
    }
}

fn whole(context: &DdlContext<'_>, table: &Table, partition: Option<&Partition>, detail: Detail) -> Output {
    let columns = partition.map_or(&table.columns, |partition| &partition.columns);
    let mut rows = Vec::new();
    if detail == Detail::Formatted {
        rows.push(row("# col_name", "data_type", "comment"));
        rows.extend(columns.iter().map(column_row));
    } else {
        rows.extend(columns.iter().chain(&table.partition_keys).map(column_row));
    }
    if table.is_partitioned() {
        rows.push(blank());
        rows.push(title("# Partition Information"));
        rows.push(row("# col_name", "data_type", "comment"));
        rows.extend(table.partition_keys.iter().map(column_row));
    }
    match detail {
        Detail::Plain => {}
        Detail::Extended => {
            rows.push(blank());
            rows.push(formatted::extended(table, partition));
        }
        Detail::Formatted => rows.extend(formatted::rows(context, table, partition)),
    }
    Output::table(&COLUMNS, rows)
}

fn column_row(column: &Column) -> Vec<String> {
    row(&column.name, &column.ty.to_string(), column.comment.as_deref().unwrap_or(""))
}

fn row(name: &str, ty: &str, comment: &str) -> Vec<String> {
    [name, ty, comment].iter().map(|text| format!("{text:<WIDTH$}")).collect()
}

/// An empty line has blanks where columns would be.
fn blank() -> Vec<String> {
    vec![String::new(), " ".to_owned(), " ".to_owned()]
}

/// A heading is not padded.
fn title(text: &str) -> Vec<String> {
    vec![text.to_owned(), " ".to_owned(), " ".to_owned()]
}

async fn database(context: &DdlContext<'_>, name: &Name, extended: bool) -> Result<Output, DdlError> {
    let database = context.catalog.shared.database(&name.folded()).await?.record;
    let parameters = if extended && !database.properties.is_empty() {
        let pairs: Vec<String> =
            database.properties.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{{{}}}", pairs.join(", "))
    } else {
        String::new()
    };
    let columns = [
        "db_name",
        "comment",
        "location",
        "managedLocation",
        "owner_name",
        "owner_type",
        "connector_name",
        "remote_dbname",
        "parameters",
    ];
    let row = vec![
        database.name,
        database.comment.unwrap_or_default(),
        database.location,
        database.managed_location.unwrap_or_default(),
        database.owner,
        database.owner_kind,
        String::new(),
        String::new(),
        parameters,
    ];
    Ok(Output::table(&columns, [row]))
}
