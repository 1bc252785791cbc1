//! ADD, REPLACE and CHANGE of columns, also of single partitions, or with CASCADE of all.

use super::{Selected, replace_partitions};
use crate::{
    catalog::{Change, Column, Table, Versioned},
    ddl::{DdlContext, DdlError, Problem, constraints, create_table, table_checks},
    syntax::ast::{AlterAction, ColumnDefinition, ColumnPosition, Name},
    types::HiveType,
};

pub async fn execute(
    context: &DdlContext<'_>,
    table: &Versioned<Table>,
    partitions: Selected,
    action: &AlterAction,
) -> Result<(), DdlError> {
    let catalog = context.home(&table.record);
    if let AlterAction::PartitionColumn(column) = action {
        return partition_column(context, table, column).await;
    }
    let keys = &table.record.partition_keys;
    let is_cascade = match action {
        AlterAction::AddColumns { cascade, .. }
        | AlterAction::ReplaceColumns { cascade, .. }
        | AlterAction::ChangeColumn { cascade, .. } => *cascade,
        _ => false,
    };
    if is_cascade && !table.record.is_partitioned() {
        return Err(Problem::CascadeWithoutPartitions.into());
    }
    check_skew(&table.record, action)?;
    if matches!(action, AlterAction::UpdateColumns) && !table.record.storage.serde.ends_with(".AvroSerDe") {
        return Err(DdlError::Refused(format!(
            "{} has serde {} for which schema is already handled by HMS.",
            table.record.full_name(),
            table.record.storage.serde
        )));
    }
    if let Some(partitions) = partitions {
        return replace_partitions(context, table, &partitions, |partition| {
            partition.columns = altered(&partition.columns, keys, action, context)?;
            Ok(())
        })
        .await;
    }
    let mut new = table.record.clone();
    if let AlterAction::ChangeColumn { old, column, .. } = action
        && let Some(key) = new.partition_keys.iter_mut().find(|key| old.is(&key.name))
    {
        change_key_comment(key, column)?;
        return Ok(catalog.alter_table(table, &new).await?);
    }
    new.columns = altered(&table.record.columns, keys, action, context)?;
    if let AlterAction::ChangeColumn { old, column, .. } = action {
        let added = constraints::of_columns(context, &new, std::slice::from_ref(column))?;
        new.constraints.extend(added);
        constraints::check(context, &new, table.record.constraints.len()).await?;
        rename_statistics(&mut new, old, column);
        let buckets = new.storage.bucket_columns.iter_mut();
        let sorted = new.storage.sort_columns.iter_mut().map(|column| &mut column.name);
        for name in buckets.chain(sorted).filter(|name| old.is(name)) {
            *name = column.name.folded();
        }
    }
    let mut change = Change::default();
    change.replace_table(table, &new)?;
    if is_cascade {
        // The partitions get what the table gets, in the same transaction.
        for partition in catalog.partitions(&table.record, &Vec::new()).await? {
            let mut altered_partition = partition.record.clone();
            altered_partition.columns = match action {
                AlterAction::ChangeColumn { old, .. } if !has(&partition.record.columns, old) => continue,
                _ => altered(&partition.record.columns, keys, action, context)?,
            };
            change.replace_partition(&table.record, &partition, &altered_partition)?;
        }
    }
    Ok(catalog.commit(change).await?)
}

/// What a table is skewed by keeps its name and type.
fn check_skew(table: &Table, action: &AlterAction) -> Result<(), DdlError> {
    let AlterAction::ChangeColumn { old, column, .. } = action else { return Ok(()) };
    let is_skewed = |name: &String| old.is(name);
    let Some(skewed) =
        table.storage.skew.as_ref().and_then(|skew| skew.columns.iter().find(|name| is_skewed(name)))
    else {
        return Ok(());
    };
    let ty = table.columns.iter().find(|known| known.name == *skewed).map(|known| &known.ty);
    if column.name.is(skewed) && (column.ty.is_none() || column.ty.as_ref() == ty) {
        return Ok(());
    }
    Err(Problem::ChangesSkewed(skewed.clone()).into())
}

fn has(columns: &[Column], name: &Name) -> bool {
    columns.iter().any(|column| name.is(&column.name))
}

/// A key keeps its name; its comment may change, and its type where the values stay what they are.
fn change_key_comment(key: &mut Column, column: &ColumnDefinition) -> Result<(), DdlError> {
    if !column.name.is(&key.name) {
        return Err(Problem::NoColumn(column.name.folded()).into());
    }
    if let Some(comment) = &column.comment {
        key.comment = Some(comment.clone());
    }
    Ok(())
}

fn rename_statistics(table: &mut Table, old: &Name, column: &ColumnDefinition) {
    if let Some(statistics) = table.statistics.remove(&old.folded()) {
        table.statistics.insert(column.name.folded(), statistics);
    }
}

fn altered(
    columns: &[Column],
    keys: &[Column],
    action: &AlterAction,
    context: &DdlContext<'_>,
) -> Result<Vec<Column>, DdlError> {
    let new = match action {
        AlterAction::AddColumns { columns: added, .. } => {
            let added = create_table::columns(added)?;
            columns.iter().cloned().chain(added).collect()
        }
        AlterAction::ReplaceColumns { columns: new, .. } => {
            let new = create_table::columns(new)?;
            columns.iter().zip(&new).try_for_each(|(old, new)| check_type_change(context, old, new))?;
            new
        }
        AlterAction::ChangeColumn { old, column, position, .. } => {
            changed(columns, old, column, position.as_ref(), context)?
        }
        _ => columns.to_vec(),
    };
    table_checks::columns(&new, keys)?;
    Ok(new)
}

fn changed(
    columns: &[Column],
    old: &Name,
    definition: &ColumnDefinition,
    position: Option<&ColumnPosition>,
    context: &DdlContext<'_>,
) -> Result<Vec<Column>, DdlError> {
    let missing =
        |name: &Name| DdlError::Semantic { problem: Problem::NoColumn(name.folded()), span: Some(name.span) };
    let index = columns.iter().position(|column| old.is(&column.name)).ok_or_else(|| missing(old))?;
    let mut columns = columns.to_vec();
    let before = columns.remove(index);
    let mut column = create_table::column(definition)?;
    check_type_change(context, &before, &column)?;
    column.comment = column.comment.or(before.comment);
    let target = match position {
        None => index,
        Some(ColumnPosition::First) => 0,
        Some(ColumnPosition::After(name)) => {
            let found = columns.iter().position(|column| name.is(&column.name));
            found.ok_or_else(|| missing(name))? + 1
        }
    };
    columns.insert(target, column);
    Ok(columns)
}

/// By default the metastore lets types only widen.
fn check_type_change(context: &DdlContext<'_>, old: &Column, new: &Column) -> Result<(), DdlError> {
    let allowed = context.setting_is("hive.metastore.disallow.incompatible.col.type.changes", "false");
    if allowed || widens(&old.ty, &new.ty) {
        return Ok(());
    }
    Err(DdlError::Refused(format!(
        "Unable to alter table. The following columns have types incompatible with the existing columns in their \
         respective positions :\n{}",
        old.name
    )))
}

fn widens(old: &HiveType, new: &HiveType) -> bool {
    let rank = |ty: &HiveType| {
        let order = [HiveType::TinyInt, HiveType::SmallInt, HiveType::Int, HiveType::BigInt];
        order.iter().position(|known| known == ty)
    };
    if old == new || *old == HiveType::Void {
        return true;
    }
    if !old.is_primitive() || !new.is_primitive() {
        return !old.is_primitive() && std::mem::discriminant(old) == std::mem::discriminant(new);
    }
    match (rank(old), rank(new)) {
        (Some(old), Some(new)) => old <= new,
        (Some(_), None) => new.is_numeric() || new.is_text(),
        _ => {
            new.is_text() && *old != HiveType::Binary && *old != HiveType::Boolean
                || (old.is_text() && matches!(new, HiveType::Double | HiveType::Decimal { .. }))
                || (matches!(old, HiveType::Float | HiveType::Double | HiveType::Decimal { .. })
                    && matches!(new, HiveType::Double | HiveType::Decimal { .. }))
        }
    }
}

/// `PARTITION COLUMN (name type)`: the values keep their texts.
async fn partition_column(
    context: &DdlContext<'_>,
    table: &Versioned<Table>,
    column: &ColumnDefinition,
) -> Result<(), DdlError> {
    let mut new = table.record.clone();
    let Some(key) = new.partition_keys.iter_mut().find(|key| column.name.is(&key.name)) else {
        return Err(Problem::NoColumn(column.name.folded()).into());
    };
    let comment = key.comment.take();
    *key = create_table::column(column)?;
    key.comment = key.comment.take().or(comment);
    Ok(context.home(&new).alter_table(table, &new).await?)
}
