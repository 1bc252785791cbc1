//! SHOW PARTITIONS.

use crate::{
    catalog::{Partition, Table},
    ddl::{DdlContext, DdlError, Output, Problem, partition_filter, partition_spec},
    syntax::ast::{Expr, ExprKind, Limit, ObjectName, OrderBy, PartitionSpec},
};
use std::cmp::Ordering;

pub async fn execute(
    context: &DdlContext<'_>,
    table: &ObjectName,
    spec: &PartitionSpec,
    filter: Option<&Expr>,
    order_by: &[OrderBy],
    limit: Option<&Limit>,
) -> Result<Output, DdlError> {
    let table = context.table(table).await?.record;
    if !table.is_partitioned() {
        return Err(Problem::NotPartitioned(table.name).into());
    }
    let wanted = partition_spec::filter(&table, spec)?;
    let mut found: Vec<Partition> = Vec::new();
    for partition in context.home(&table).partitions(&table, &wanted).await? {
        let matches = match filter {
            Some(filter) => partition_filter::matches(&table, &partition.record, filter)?,
            None => true,
        };
        if matches {
            found.push(partition.record);
        }
    }
    sort(&table, &mut found, order_by)?;
    let (offset, rows) = limit.map_or((0, u64::MAX), |limit| (limit.offset, limit.rows));
    let bounded = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let shown = found.iter().skip(bounded(offset)).take(bounded(rows));
    Ok(Output::listing("partition", shown.map(|partition| table.partition_name(partition))))
}

fn sort(table: &Table, partitions: &mut [Partition], order_by: &[OrderBy]) -> Result<(), DdlError> {
    let mut keys = Vec::new();
    for order in order_by {
        let ExprKind::Name(name) = &order.expr.kind else {
            return Err(DdlError::Refused("SHOW PARTITIONS is ordered by partition columns".to_owned()));
        };
        keys.push((partition_filter::key_index(table, &name.folded())?, order.descending));
    }
    partitions.sort_by(|left, right| {
        keys.iter().fold(Ordering::Equal, |order, (index, descending)| {
            let ty = &table.partition_keys[*index].ty;
            let next = partition_filter::order(ty, &left.values[*index], &right.values[*index]);
            order.then(if *descending { next.reverse() } else { next })
        })
    });
    Ok(())
}
