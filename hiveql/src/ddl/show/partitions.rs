//! SHOW PARTITIONS.

use crate::{
    catalog::{PartitionFilter, Table, partition_name},
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
    let all = context.home(&table).all_partition_values(&table).await?;
    let mut found: Vec<&Vec<String>> = Vec::new();
    for values in all.values.iter().filter(|values| is_wanted(&wanted, values)) {
        let matches = match filter {
            Some(filter) => partition_filter::matches(&table, values, filter)?,
            None => true,
        };
        if matches {
            found.push(values);
        }
    }
    sort(&table, &mut found, order_by)?;
    let (offset, rows) = limit.map_or((0, u64::MAX), |limit| (limit.offset, limit.rows));
    let bounded = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let shown = found.iter().skip(bounded(offset)).take(bounded(rows));
    let keys = table.key_names();
    Ok(Output::listing("partition", shown.map(|values| partition_name(&keys, values))))
}

fn is_wanted(filter: &PartitionFilter, values: &[String]) -> bool {
    values.iter().zip(filter).all(|(value, wanted)| wanted.as_ref().is_none_or(|wanted| wanted == value))
}

fn sort(table: &Table, partitions: &mut [&Vec<String>], order_by: &[OrderBy]) -> Result<(), DdlError> {
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
            let next = partition_filter::order(ty, &left[*index], &right[*index]);
            order.then(if *descending { next.reverse() } else { next })
        })
    });
    Ok(())
}
