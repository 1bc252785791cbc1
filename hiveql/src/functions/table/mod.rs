//! Functions that make any number of rows of one: arrays of structs whose fields are the new columns.

mod explode;
mod json_tuple;
mod stack;
#[cfg(test)]
mod tests;
pub(super) mod url_tuple;

use super::{Arg, Columns, Kernel, Rows, Table, TableFunction};
use crate::types::HiveType;
use datafusion::{
    arrow::{
        array::{ArrayRef, ListArray, StructArray},
        buffer::{NullBuffer, OffsetBuffer},
        datatypes::{DataType, Field},
    },
    common::Result,
    logical_expr::Volatility,
};
use std::sync::Arc;

/// The functions of this folder.
pub const FUNCTIONS: &[&[TableFunction]] =
    &[explode::FUNCTIONS, stack::FUNCTIONS, json_tuple::FUNCTIONS, url_tuple::FUNCTIONS];

/// The columns, by the names that they have where the query gives none, as one array of structs.
fn table(
    name: &str,
    args: &[Arg],
    takes: Vec<HiveType>,
    columns: Vec<(String, HiveType)>,
    body: impl Fn(Columns<'_>, Rows) -> Result<ArrayRef> + Send + Sync + 'static,
) -> Table {
    let returns = HiveType::array(HiveType::structure(columns.iter().cloned())).arrow();
    let udf = Kernel::new(name, args, returns, Volatility::Immutable, body).into_udf();
    Table { args: takes, columns, udf }
}

/// Rows of columns that lie end to end, cut into one list per input row.
fn rows_of(
    names: &[(String, HiveType)],
    columns: Vec<ArrayRef>,
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let ty = HiveType::structure(names.iter().cloned()).arrow();
    let item = Arc::new(Field::new("item", ty.clone(), true));
    let fields = match ty {
        DataType::Struct(fields) => fields,
        _ => Vec::<Field>::new().into(),
    };
    let length = columns.first().map_or(0, |column| column.len());
    let structs = StructArray::try_new_with_length(fields, columns, None, length)?;
    Ok(Arc::new(ListArray::try_new(item, offsets, Arc::new(structs), nulls)?))
}
