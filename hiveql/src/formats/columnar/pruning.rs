//! Row groups of Parquet that hold no row for a predicate, by their statistics.

use crate::types::HiveType;
use datafusion::{
    arrow::{
        array::{ArrayRef, UInt64Array},
        datatypes::{Field, Schema},
    },
    common::{Column, ScalarValue, pruning::PruningStatistics},
    physical_optimizer::pruning::PruningPredicateBuilder,
    physical_plan::PhysicalExpr,
};
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, statistics::StatisticsConverter},
    file::metadata::RowGroupMetaData,
};
use std::{collections::HashSet, sync::Arc};

/// Those of `groups` that may hold a row. What cannot be decided is kept.
pub(super) fn keep(
    predicate: &Arc<dyn PhysicalExpr>,
    columns: &[(String, HiveType)],
    file: &ArrowReaderMetadata,
    groups: Vec<usize>,
) -> Vec<usize> {
    let fields: Vec<Field> = columns.iter().map(|(name, ty)| Field::new(name, ty.arrow(), true)).collect();
    let builder = PruningPredicateBuilder::new().with_file_schema(Arc::new(Schema::new(fields)));
    let Some(pruning) = builder.build(predicate.clone()) else { return groups };
    let chosen = groups.iter().map(|index| file.metadata().row_group(*index)).collect();
    match pruning.prune(&Statistics { file, groups: chosen, columns }) {
        Ok(keep) => groups.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(index, _)| index).collect(),
        Err(_) => groups,
    }
}

struct Statistics<'a> {
    file: &'a ArrowReaderMetadata,
    groups: Vec<&'a RowGroupMetaData>,
    columns: &'a [(String, HiveType)],
}

impl Statistics<'_> {
    /// Only where file and table agree on the type: bounds of one order say nothing of another.
    fn converter(&self, column: &Column) -> Option<StatisticsConverter<'_>> {
        let schema = self.file.schema();
        let field = schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(&column.name))?;
        let (_, ty) = self.columns.iter().find(|(name, _)| name.eq_ignore_ascii_case(&column.name))?;
        let comparable =
            *field.data_type() == ty.arrow() && !matches!(ty, HiveType::Char(_) | HiveType::Varchar(_));
        let floating = matches!(ty, HiveType::Float | HiveType::Double);
        if !comparable || floating {
            return None;
        }
        StatisticsConverter::try_new(field.name(), schema, self.file.parquet_schema()).ok()
    }
}

impl PruningStatistics for Statistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.converter(column)?.row_group_mins(self.groups.iter().copied()).ok()
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.converter(column)?.row_group_maxes(self.groups.iter().copied()).ok()
    }

    fn num_containers(&self) -> usize {
        self.groups.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let counts = self.converter(column)?.row_group_null_counts(self.groups.iter().copied()).ok()?;
        Some(Arc::new(counts))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let counts = self.groups.iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0));
        Some(Arc::new(UInt64Array::from_iter_values(counts)))
    }

    fn contained(
        &self,
        _: &Column,
        _: &HashSet<ScalarValue>,
    ) -> Option<datafusion::arrow::array::BooleanArray> {
        None
    }
}
