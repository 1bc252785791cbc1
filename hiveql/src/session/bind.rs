//! Looks up what a statement's names stand for, before it is planned: tables with their files, views with their queries, macros.

use super::{Session, SessionError};
use crate::{
    catalog::{ColumnStatistics, Table},
    ddl::DdlContext,
    formats::VirtualColumn,
    functions::math::BucketingVersion,
    plan::{Bound, BoundTable, BoundView, Macro, TableName, Tables},
    scan::HiveTable,
    syntax::{
        ast::{ObjectName, Query, walk},
        parse_query,
    },
    types::HiveType,
    write::StoredFiles,
};
use datafusion::datasource::provider_as_source;
use std::{collections::BTreeSet, sync::Arc};

/// Views that name views that name views.
const VIEW_DEPTH_MAX: usize = 64;
const HIDDEN: [VirtualColumn; 2] = [VirtualColumn::InputFileName, VirtualColumn::BlockOffsetInsideFile];

/// A name, and the database that it is looked up in where it says none.
type Wanted = (ObjectName, String);

/// The names that a query asks for.
pub(super) fn names_of(query: &Query) -> Vec<ObjectName> {
    let mut names = Vec::new();
    walk::tables(query, &mut |name| names.push(name.clone()));
    names
}

impl Session {
    /// Binds the names and what the views among them name. What is not found is left to the planner to complain of.
    pub(super) async fn bind(
        &self,
        context: &DdlContext<'_>,
        names: &[ObjectName],
    ) -> Result<Tables, SessionError> {
        let mut tables = Tables::default();
        for made in self.catalog.macros() {
            let bound = Macro { parameters: made.parameters, body: made.body };
            tables.macros.insert(made.name, bound);
        }
        tables.programs = self.programs().await?;
        let mut seen = BTreeSet::new();
        let mut wanted: Vec<Wanted> =
            names.iter().map(|name| (name.clone(), self.database.clone())).collect();
        for _ in 0..VIEW_DEPTH_MAX {
            let mut next = Vec::new();
            for (name, database) in std::mem::take(&mut wanted) {
                let name = TableName::of(&name, &database);
                if seen.insert(name.clone()) {
                    self.bind_one(context, name, &mut tables, &mut next).await?;
                }
            }
            if next.is_empty() {
                return Ok(tables);
            }
            wanted = next;
        }
        Err(SessionError::new(format!("SemanticException views are nested more than {VIEW_DEPTH_MAX} deep")))
    }

    async fn bind_one(
        &self,
        context: &DdlContext<'_>,
        name: TableName,
        tables: &mut Tables,
        next: &mut Vec<Wanted>,
    ) -> Result<(), SessionError> {
        let Some(table) = self.catalog.find_table(&name.database, &name.name).await? else {
            let others = self.catalog.tables(&name.database).await?;
            tables.others.extend(others.into_iter().map(|table| table.name));
            return Ok(());
        };
        let table = table.record;
        let bound = match table.view.as_ref().filter(|_| table.is_view()) {
            None => Bound::Table(self.bind_table(context, &table)?),
            Some(view) => {
                let query = parse_query(&view.expanded).map_err(|error| {
                    SessionError::new(format!("SemanticException in the view {name}: {error}"))
                })?;
                next.extend(names_of(&query).into_iter().map(|found| (found, table.database.clone())));
                let database = table.database.clone();
                Bound::View(BoundView { query: Arc::new(query), columns: columns(&table), database })
            }
        };
        tables.bound.insert(name, bound);
        Ok(())
    }

    fn bind_table(&self, context: &DdlContext<'_>, table: &Table) -> Result<BoundTable, SessionError> {
        let files = StoredFiles::new(context, self.stores.clone(), table.clone(), HIDDEN.to_vec())?;
        let hidden = HIDDEN.iter().filter_map(|column| {
            let ty = HiveType::of_arrow(column.field().data_type())?;
            Some((column.name().to_owned(), ty))
        });
        // As the SerDe has them, which may not be as the table declares them.
        let shape = files.shape();
        let columns = shape.columns.iter().chain(&shape.partition_columns).cloned().collect();
        let counted = |(name, column): (&String, &ColumnStatistics)| Some((name.clone(), column.distinct?));
        let distinct = table.statistics.iter().filter_map(counted).collect();
        let scanned = HiveTable::new(shape, Arc::new(files)).with_distinct(distinct);
        Ok(BoundTable {
            columns,
            partition_columns: table.partition_keys.len(),
            hidden: hidden.collect(),
            bucket_columns: table.storage.bucket_columns.clone(),
            bucketing: match table.properties.get("bucketing_version").map(String::as_str) {
                Some("1") => BucketingVersion::V1,
                _ => BucketingVersion::V2,
            },
            source: provider_as_source(Arc::new(scanned)),
        })
    }
}

/// Columns and partition keys.
pub(super) fn columns(table: &Table) -> Vec<(String, HiveType)> {
    table.all_columns().map(|column| (column.name.clone(), column.ty.clone())).collect()
}
