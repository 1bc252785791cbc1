//! What may change of a table without making its files unreadable: ORC and Parquet find columns by their places.

use crate::{
    catalog::{Partition, StorageDescriptor, Table, Versioned},
    ddl::{DdlContext, DdlError, Problem, storage_clauses},
    syntax::ast::AlterAction,
};

const ORC_INPUT: &str = "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat";
const ORC_SERDE: &str = "org.apache.hadoop.hive.ql.io.orc.OrcSerde";
/// Those that take their columns from the table.
const REPLACEABLE: [&str; 6] = [
    "org.apache.hadoop.hive.serde2.MetadataTypedColumnsetSerDe",
    "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
    "org.apache.hadoop.hive.serde2.columnar.ColumnarSerDe",
    "org.apache.hadoop.hive.serde2.columnar.LazyBinaryColumnarSerDe",
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    ORC_SERDE,
];

pub fn check(
    context: &DdlContext<'_>,
    table: &Table,
    partitions: Option<&[Versioned<Partition>]>,
    action: &AlterAction,
) -> Result<(), DdlError> {
    let evolves = table.is_transactional() || !context.setting_is("hive.exec.schema.evolution", "false");
    match partitions {
        None => checked(table, &table.storage, table.columns.len(), action, evolves),
        Some(partitions) => partitions.iter().try_for_each(|partition| {
            let storage = partition.record.storage.as_ref().unwrap_or(&table.storage);
            checked(table, storage, partition.record.columns.len(), action, evolves)
        }),
    }
}

fn checked(
    table: &Table,
    storage: &StorageDescriptor,
    columns: usize,
    action: &AlterAction,
    evolves: bool,
) -> Result<(), DdlError> {
    let name = || table.full_name();
    let is_orc = evolves && storage.input_format == ORC_INPUT;
    match action {
        AlterAction::ReplaceColumns { columns: new, cascade } => {
            if !REPLACEABLE.contains(&storage.serde.as_str()) {
                return Err(Problem::ReplacesColumns(name()).into());
            }
            let drops = new.len() < columns;
            let is_parquet = storage.serde.ends_with(".ParquetHiveSerDe");
            let is_lost = storage.serde == ORC_SERDE || (is_parquet && table.is_partitioned() && !cascade);
            match evolves && drops && is_lost {
                true => Err(Problem::DropsColumns(name()).into()),
                false => Ok(()),
            }
        }
        AlterAction::ChangeColumn { position: Some(_), .. } if is_orc => {
            Err(Problem::OrdersColumns(name()).into())
        }
        AlterAction::SetFormat(format) if is_orc => {
            match storage_clauses::of_format(format)?.input_format == ORC_INPUT {
                true => Ok(()),
                false => Err(Problem::ChangesFormat(name()).into()),
            }
        }
        AlterAction::SetSerde { class, .. }
            if evolves && storage.serde == ORC_SERDE && class != ORC_SERDE =>
        {
            Err(Problem::ChangesSerde(name()).into())
        }
        _ => Ok(()),
    }
}
