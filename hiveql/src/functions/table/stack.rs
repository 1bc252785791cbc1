//! `stack`, which breaks its arguments into rows, and `replicate_rows`, which says one row several times.

use super::{rows_of, table};
use crate::{
    cast::promotion::common_type,
    functions::{
        Arg, FunctionError, SessionFacts, Table, TableFunction,
        collection::gather::gathered,
        resolve::{constant_integer, count, primitive, wrong_type, wrong_value},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, new_null_array},
        buffer::OffsetBuffer,
        datatypes::Int64Type,
    },
    common::Result as ExecutionResult,
};

pub(super) const FUNCTIONS: &[TableFunction] = &[
    TableFunction {
        name: "stack",
        aliases: &[],
        usage: "_FUNC_(n, cols...) - turns k columns into n rows of size k/n each",
        extended: "",
        resolve: stack,
    },
    TableFunction {
        name: "replicate_rows",
        aliases: &[],
        usage: "_FUNC_(n, cols...) - turns 1 row into n rows",
        extended: "",
        resolve: replicate_rows,
    },
];

fn stack(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Table, FunctionError> {
    count(name, args, 2..=usize::MAX)?;
    let height = constant_integer(args, 0)
        .and_then(|height| usize::try_from(height).ok())
        .filter(|height| *height > 0)
        .ok_or_else(|| wrong_value(name, 0, "the number of rows must be a constant greater than 0"))?;
    let cells = args.len() - 1;
    let width = cells.div_ceil(height);
    let mut types = vec![HiveType::Void; width];
    for (cell, arg) in args[1..].iter().enumerate() {
        let column = &mut types[cell % width];
        *column = common_type(column, &arg.ty)
            .ok_or_else(|| wrong_type(name, args, cell + 1, &column.to_string()))?;
    }
    let mut takes = vec![HiveType::Int];
    takes.extend((0..cells).map(|cell| types[cell % width].clone()));
    let names: Vec<_> =
        types.into_iter().enumerate().map(|(column, ty)| (format!("col{column}"), ty)).collect();
    let columns = names.clone();
    Ok(table(name, args, takes, names, move |arrays, rows| {
        let column = |(place, (_, ty)): (usize, &(String, HiveType))| {
            // What the last row lacks is NULL.
            let absent = new_null_array(&ty.arrow(), 1);
            let cells: Vec<&ArrayRef> = arrays[1..].iter().skip(place).step_by(width).collect();
            let mut sources: Vec<&dyn Array> = cells.iter().map(|cell| cell.as_ref() as &dyn Array).collect();
            sources.push(absent.as_ref());
            let source = |line: usize, row| if line < cells.len() { (line, row) } else { (cells.len(), 0) };
            let indices: Vec<_> = (0..rows)
                .flat_map(|row| (0..height).map(move |line| (line, row)))
                .map(|(line, row)| source(line, row))
                .collect();
            gathered(&sources, &indices, &ty.arrow())
        };
        let parts = columns.iter().enumerate().map(column).collect::<ExecutionResult<Vec<_>>>()?;
        rows_of(&columns, parts, OffsetBuffer::from_lengths(std::iter::repeat_n(height, rows)), None)
    }))
}

fn replicate_rows(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Table, FunctionError> {
    count(name, args, 1..=usize::MAX)?;
    if !args[0].ty.is_integer() {
        return Err(wrong_type(name, args, 0, "bigint"));
    }
    let mut takes = vec![HiveType::BigInt];
    takes.extend(args[1..].iter().map(|arg| arg.ty.clone()));
    let names: Vec<_> =
        takes.iter().enumerate().map(|(column, ty)| (format!("col{column}"), ty.clone())).collect();
    let columns = names.clone();
    Ok(table(name, args, takes, names, move |arrays, rows| {
        let counts = primitive::<Int64Type>(arrays, 0)?;
        let times =
            |row| if counts.is_null(row) { 0 } else { usize::try_from(counts.value(row)).unwrap_or(0) };
        let indices: Vec<(usize, usize)> =
            (0..rows).flat_map(|row| std::iter::repeat_n((0, row), times(row))).collect();
        let parts = arrays
            .iter()
            .zip(&columns)
            .map(|(array, (_, ty))| gathered(&[array.as_ref()], &indices, &ty.arrow()))
            .collect::<ExecutionResult<Vec<_>>>()?;
        rows_of(&columns, parts, OffsetBuffer::from_lengths((0..rows).map(times)), None)
    }))
}
