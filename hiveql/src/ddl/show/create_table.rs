//! SHOW CREATE TABLE and SHOW CREATE DATABASE, as Hive 4 writes them.

use crate::{
    catalog::{Column, ConstraintKind, PropertyMap, StorageDescriptor, Table, TableKind},
    ddl::{DdlContext, DdlError, Output},
    syntax::ast::{Name, ObjectName},
};

/// What the catalog keeps for itself among a table's properties.
const HIDDEN: [&str; 8] = [
    "comment",
    "EXTERNAL",
    "numFiles",
    "numRows",
    "rawDataSize",
    "totalSize",
    "COLUMN_STATS_ACCURATE",
    "numPartitions",
];

pub async fn table(context: &DdlContext<'_>, name: &ObjectName) -> Result<Output, DdlError> {
    let table = context.table(name).await?.record;
    let text = match &table.view {
        Some(view) if table.is_view() => {
            format!("CREATE VIEW {} AS {}", quoted_name(&table), view.expanded)
        }
        _ => definition(&table),
    };
    Ok(Output::listing("createtab_stmt", text.split('\n').map(str::to_owned)))
}

fn quoted_name(table: &Table) -> String {
    format!("`{}`.`{}`", table.database, table.name)
}

fn definition(table: &Table) -> String {
    let temporary = if table.temporary { "TEMPORARY " } else { "" };
    let external = if table.kind == TableKind::External { "EXTERNAL " } else { "" };
    let mut text = format!("CREATE {temporary}{external}TABLE {}(\n", quoted_name(table));
    text.push_str(&columns(table, &table.columns));
    text.push(')');
    if let Some(comment) = table.properties.get("comment") {
        text.push_str(&format!("\nCOMMENT '{}'", escaped(comment)));
    }
    if table.is_partitioned() {
        text.push_str(&format!("\nPARTITIONED BY ( \n{})", columns(table, &table.partition_keys)));
    }
    text.push_str(&clustering(&table.storage));
    text.push_str(&skew(&table.storage));
    text.push_str(&format(&table.storage));
    if !table.storage.location.is_empty() {
        text.push_str(&format!("\nLOCATION\n  '{}'", escaped(&table.storage.location)));
    }
    let shown = table.properties.iter().filter(|(key, _)| !HIDDEN.contains(&key.as_str()));
    let shown: PropertyMap = shown.map(|(key, value)| (key.clone(), value.clone())).collect();
    text.push_str(&format!("\nTBLPROPERTIES (\n{})", properties(&shown)));
    text
}

fn columns(table: &Table, columns: &[Column]) -> String {
    let lines: Vec<String> = columns
        .iter()
        .map(|column| {
            let default = table.constraints.iter().find_map(|constraint| match &constraint.kind {
                ConstraintKind::Default { column: of, text } if *of == column.name => Some(text),
                _ => None,
            });
            let default = default.map(|text| format!(" DEFAULT {text}")).unwrap_or_default();
            let comment = column.comment.as_ref().map(|comment| format!(" COMMENT '{}'", escaped(comment)));
            format!("  `{}` {}{default}{}", column.name, column.ty, comment.unwrap_or_default())
        })
        .collect();
    lines.join(", \n")
}

fn clustering(storage: &StorageDescriptor) -> String {
    if storage.bucket_columns.is_empty() {
        return String::new();
    }
    let mut text = format!("\nCLUSTERED BY ( \n  {}) \n", storage.bucket_columns.join(", \n  "));
    if !storage.sort_columns.is_empty() {
        let sorted = storage.sort_columns.iter();
        let sorted = sorted
            .map(|column| format!("{} {}", column.name, if column.descending { "DESC" } else { "ASC" }));
        text.push_str(&format!("SORTED BY ( \n  {}) \n", sorted.collect::<Vec<_>>().join(", \n  ")));
    }
    text + &format!("INTO {} BUCKETS", storage.buckets)
}

fn skew(storage: &StorageDescriptor) -> String {
    let Some(skew) = &storage.skew else { return String::new() };
    let lists = skew.values.iter().map(|values| {
        let quoted: Vec<String> = values.iter().map(|value| format!("'{}'", escaped(value))).collect();
        format!("({})", quoted.join(","))
    });
    let directories = if skew.directories { "\n  STORED AS DIRECTORIES" } else { "" };
    format!(
        "\nSKEWED BY ({})\n  ON ({}){directories}",
        skew.columns.join(","),
        lists.collect::<Vec<_>>().join(",")
    )
}

fn format(storage: &StorageDescriptor) -> String {
    let mut serde = storage.serde_properties.clone();
    let is_default = serde.get("serialization.format").is_some_and(|value| value == "1");
    if is_default {
        serde.remove("serialization.format");
    }
    let mut text = format!("\nROW FORMAT SERDE \n  '{}' ", storage.serde);
    if !serde.is_empty() {
        text.push_str(&format!("\nWITH SERDEPROPERTIES ( \n{}) ", properties(&serde)));
    }
    match &storage.handler {
        Some(handler) => text.push_str(&format!("\nSTORED BY \n  '{handler}' ")),
        None => text.push_str(&format!(
            "\nSTORED AS INPUTFORMAT \n  '{}' \nOUTPUTFORMAT \n  '{}'",
            storage.input_format, storage.output_format
        )),
    }
    text
}

fn properties(properties: &PropertyMap) -> String {
    let lines: Vec<String> =
        properties.iter().map(|(key, value)| format!("  '{}'='{}'", escaped(key), escaped(value))).collect();
    lines.join(", \n")
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\t', "\\t")
}

pub async fn database(context: &DdlContext<'_>, name: &Name) -> Result<Output, DdlError> {
    let database = context.catalog.shared.database(&name.folded()).await?.record;
    let mut lines = vec![format!("CREATE DATABASE `{}`", database.name)];
    if let Some(comment) = &database.comment {
        lines.extend(["COMMENT".to_owned(), format!("  '{}'", escaped(comment))]);
    }
    lines.extend(["LOCATION".to_owned(), format!("  '{}'", escaped(&database.location))]);
    if !database.properties.is_empty() {
        let text = format!("WITH DBPROPERTIES (\n{})", properties(&database.properties));
        lines.extend(text.split('\n').map(str::to_owned));
    }
    Ok(Output::listing("createdb_stmt", lines))
}
