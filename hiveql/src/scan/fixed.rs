//! A table whose files are known beforehand, and are in no catalog.

use super::{HiveTable, PartitionColumns, ScanParts, TableFiles};
use crate::types::HiveType;
use async_trait::async_trait;
use datafusion::{
    arrow::array::{ArrayRef, new_empty_array},
    common::{Result, ScalarValue},
};
use std::{fmt, sync::Arc};

struct Fixed(ScanParts);

impl fmt::Debug for Fixed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Fixed")
    }
}

#[async_trait]
impl TableFiles for Fixed {
    async fn partitions(&self) -> Result<PartitionColumns> {
        let parts = self.0.parts.len();
        let column = |(index, (_, ty)): (usize, &(String, HiveType))| -> Result<ArrayRef> {
            let ty = ty.arrow();
            if parts == 0 {
                return Ok(new_empty_array(&ty));
            }
            let values = self.0.parts.iter().map(|part| {
                let value = part.partition_values.get(index).cloned().unwrap_or(ScalarValue::Null);
                value.cast_to(&ty)
            });
            ScalarValue::iter_to_array(values.collect::<Result<Vec<_>>>()?)
        };
        let columns = self.0.shape.partition_columns.iter().enumerate().map(column);
        Ok(PartitionColumns { parts, columns: columns.collect::<Result<_>>()? })
    }

    async fn parts(&self, kept: &[usize]) -> Result<ScanParts> {
        let parts = kept.iter().filter_map(|index| self.0.parts.get(*index).cloned()).collect();
        Ok(ScanParts { parts, ..self.0.clone() })
    }
}

impl HiveTable {
    pub fn fixed(parts: ScanParts) -> HiveTable {
        HiveTable::new(parts.shape.clone(), Arc::new(Fixed(parts)))
    }
}
