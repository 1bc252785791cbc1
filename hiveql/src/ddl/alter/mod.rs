//! ALTER TABLE and ALTER VIEW.

mod columns;
mod evolution;
pub(super) mod partitions;
mod rename;
mod storage;

use super::{DdlContext, DdlError, Output, Problem, constraints, partition_spec, repair};
use crate::{
    catalog::{Change, Partition, StorageDescriptor, Table, Versioned},
    syntax::ast::{AlterAction, AlterTable, MsckAction},
};

pub async fn execute(context: &DdlContext<'_>, statement: &AlterTable) -> Result<Output, DdlError> {
    let table = context.table(&statement.table).await?;
    check_kind(statement, &table.record)?;
    let partitions = selected(context, &table, statement).await?;
    evolution::check(context, &table.record, partitions.as_deref(), &statement.action)?;
    act(context, statement, &table, partitions).await?;
    Ok(Output::none())
}

/// A view is altered by ALTER VIEW and a table by ALTER TABLE, and not all that fits tables fits views.
fn check_kind(statement: &AlterTable, table: &Table) -> Result<(), DdlError> {
    let name = table.full_name();
    let sets_properties =
        matches!(statement.action, AlterAction::SetProperties(_) | AlterAction::UnsetProperties { .. });
    match (statement.view, table.is_view()) {
        (true, false) => Err(Problem::IsTable(name).into()),
        (false, true) if !sets_properties => Err(Problem::IsView(name).into()),
        (true, true) if !fits_views(&statement.action) => Err(Problem::NotOfViews(name).into()),
        _ if table.storage.handler.is_some() && !sets_properties && !fits_handlers(&statement.action) => {
            Err(Problem::AltersForeign(name).into())
        }
        _ => Ok(()),
    }
}

fn fits_views(action: &AlterAction) -> bool {
    matches!(
        action,
        AlterAction::Rename(_)
            | AlterAction::SetProperties(_)
            | AlterAction::UnsetProperties { .. }
            | AlterAction::AddPartitions { .. }
            | AlterAction::DropPartitions { .. }
            | AlterAction::SetOwner { .. }
            | AlterAction::AsQuery { .. }
    )
}

/// What may be done to a table that a storage handler keeps.
fn fits_handlers(action: &AlterAction) -> bool {
    matches!(
        action,
        AlterAction::AddColumns { .. }
            | AlterAction::ReplaceColumns { .. }
            | AlterAction::UpdateStatistics { .. }
            | AlterAction::AddConstraint(_)
            | AlterAction::DropConstraint(_)
            | AlterAction::SetOwner { .. }
    )
}

/// The partitions of `ALTER TABLE t PARTITION (...)`; `None` without one. A spec may leave keys out.
async fn selected(
    context: &DdlContext<'_>,
    table: &Versioned<Table>,
    statement: &AlterTable,
) -> Result<Option<Vec<Versioned<Partition>>>, DdlError> {
    let Some(spec) = &statement.partition else { return Ok(None) };
    let filter = partition_spec::filter(&table.record, spec)?;
    let found = context.home(&table.record).partitions(&table.record, &filter).await?;
    if found.is_empty() {
        return Err(Problem::NoPartition(partition_spec::text(spec)).into());
    }
    Ok(Some(found))
}

type Selected = Option<Vec<Versioned<Partition>>>;

async fn act(
    context: &DdlContext<'_>,
    statement: &AlterTable,
    table: &Versioned<Table>,
    partitions: Selected,
) -> Result<(), DdlError> {
    match &statement.action {
        AlterAction::Rename(name) => rename::table(context, table, name).await,
        AlterAction::RenamePartition(spec) => {
            rename::partition(context, table, partitions.unwrap_or_default(), spec).await
        }
        AlterAction::AddPartitions { partitions, if_not_exists } => {
            partitions::add(context, table, partitions, *if_not_exists).await
        }
        AlterAction::DropPartitions { partitions, if_exists, .. } => {
            partitions::drop(context, table, partitions, *if_exists).await
        }
        AlterAction::ExchangePartition { partition, with } => {
            partitions::exchange(context, table, partition, with).await
        }
        AlterAction::RecoverPartitions => {
            repair::execute(context, &statement.table, true, MsckAction::Add).await.map(|_| ())
        }
        AlterAction::Touch(specs) => partitions::touch(context, table, specs).await,
        AlterAction::Archive(_) | AlterAction::Unarchive(_) => Err(DdlError::Refused(
            "ARCHIVE and UNARCHIVE are not supported: archives are Hadoop's".to_owned(),
        )),
        AlterAction::Compact(_) | AlterAction::Concatenate => {
            Err(DdlError::NotMine("ALTER TABLE that writes rows again"))
        }
        // Words without effect.
        AlterAction::Protect(_) => Ok(()),
        AlterAction::AddConstraint(_) | AlterAction::DropConstraint(_) => {
            constraint(context, table, &statement.action).await
        }
        AlterAction::AsQuery { .. } => {
            Err(DdlError::NotMine("ALTER VIEW AS, whose columns the planner finds"))
        }
        AlterAction::AddColumns { .. }
        | AlterAction::ReplaceColumns { .. }
        | AlterAction::ChangeColumn { .. }
        | AlterAction::UpdateColumns
        | AlterAction::PartitionColumn(_) => {
            columns::execute(context, table, partitions, &statement.action).await
        }
        action => storage::execute(context, table, partitions, action).await,
    }
}

async fn constraint(
    context: &DdlContext<'_>,
    table: &Versioned<Table>,
    action: &AlterAction,
) -> Result<(), DdlError> {
    let mut new = table.record.clone();
    match action {
        AlterAction::AddConstraint(constraint) => {
            let made = constraints::of_clause(context, &new, constraint, new.constraints.len())?;
            new.constraints.push(made);
            constraints::check(context, &new, table.record.constraints.len()).await?;
        }
        AlterAction::DropConstraint(name) => {
            let before = new.constraints.len();
            new.constraints.retain(|constraint| !name.is(&constraint.name));
            if new.constraints.len() == before {
                return Err(DdlError::Refused(format!(
                    "InvalidObjectException(message:The constraint: {} does not exist for the associated table: {})",
                    name.folded(),
                    new.full_name()
                )));
            }
        }
        _ => return Ok(()),
    }
    Ok(context.home(&new).alter_table(table, &new).await?)
}

/// Replaces partitions in one transaction that expects the table as it was read.
async fn replace_partitions(
    context: &DdlContext<'_>,
    table: &Versioned<Table>,
    partitions: &[Versioned<Partition>],
    mut alter: impl FnMut(&mut Partition) -> Result<(), DdlError>,
) -> Result<(), DdlError> {
    let mut change = Change::default();
    change.expect_table(table);
    for partition in partitions {
        let mut new = partition.record.clone();
        alter(&mut new)?;
        change.replace_partition(&table.record, partition, &new)?;
    }
    Ok(context.home(&table.record).commit(change).await?)
}

/// A partition's own storage: a copy of the table's until it is altered.
fn own_storage<'a>(table: &Table, partition: &'a mut Partition) -> &'a mut StorageDescriptor {
    partition.storage.get_or_insert_with(|| table.storage.clone())
}
