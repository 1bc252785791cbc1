//! STAND-IN until `write` lists what is visible.
use super::SessionError;
use crate::{
    catalog::Table,
    ddl::DdlContext,
    formats::{FileFormat, StorageWords, VirtualColumn},
    scan::{Part, ScanParts},
};
use futures::TryStreamExt;
use std::sync::Arc;

pub(super) async fn scan_parts(
    context: &DdlContext<'_>,
    table: &Table,
    virtual_columns: Vec<VirtualColumn>,
) -> Result<ScanParts, SessionError> {
    let columns: Vec<_> = table.columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect();
    let words = StorageWords {
        input_format: &table.storage.input_format,
        output_format: &table.storage.output_format,
        serde: &table.storage.serde,
        serde_properties: &table.storage.serde_properties,
        table_properties: &table.properties,
    };
    let format = Arc::new(FileFormat::new(words, &columns).map_err(|e| SessionError::new(e.to_string()))?);
    let (store, path) =
        context.stores.resolve(&table.storage.location).map_err(|e| SessionError::of_ddl(&e, ""))?;
    let files: Vec<_> = store
        .list(Some(&path))
        .try_collect::<Vec<_>>()
        .await
        .map_err(|e| SessionError::new(e.to_string()))?
        .into_iter()
        .map(|m| (m.location.to_string(), m.size))
        .collect();
    Ok(ScanParts {
        columns: format.columns().to_vec(),
        partition_columns: vec![],
        parts: vec![Part { format, files, partition_values: vec![] }],
        store,
        file_name_prefix: "file:/".into(),
        virtual_columns,
    })
}
