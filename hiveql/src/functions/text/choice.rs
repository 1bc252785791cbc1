//! One of several texts by its number, and the number by the text.

use super::{
    arguments::{primitives, strings},
    function,
    rows::{int_at, ints, text_at, texts},
};
use crate::{
    cast::promotion::common_type_for_comparison,
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        collection::comparable::Comparable,
        resolve::{count, primitive, scalar, text, wrong_type},
    },
    types::HiveType,
};
use datafusion::arrow::{array::Array, datatypes::Int32Type};
use std::fmt::Write;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "elt",
        &[],
        "_FUNC_(n, str1, str2, ...) - returns the n-th string",
        "Example:\n  > SELECT _FUNC_(1, 'face', 'book') FROM src LIMIT 1;\n  'face'",
        elt,
    ),
    function(
        "field",
        &[],
        "_FUNC_(str, str1, str2, ...) - returns the index of str in the str1,str2,... list or 0 if not found",
        "All primitive types are supported, arguments are compared using str.equals(x). If str is NULL, the return value is 0.",
        field,
    ),
];

fn elt(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let mut takes = strings(name, args, 2..=usize::MAX)?;
    takes[0] = HiveType::Int;
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let numbers = primitive::<Int32Type>(columns, 0)?;
        let choices = (1..columns.len()).map(|index| text(columns, index)).collect::<Result<Vec<_>, _>>()?;
        texts(rows, 0, |row, out| {
            let index = usize::try_from(int_at(numbers, row)?).ok()?.checked_sub(1)?;
            out.write_str(text_at(choices.get(index)?, row)?).ok()
        })
    }))
}

fn field(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=usize::MAX)?;
    primitives(name, args)?;
    let mut common = HiveType::Void;
    for (index, arg) in args.iter().enumerate() {
        common = common_type_for_comparison(&common, &arg.ty)
            .ok_or_else(|| wrong_type(name, args, index, &common.to_string()))?;
    }
    let takes = vec![common.clone(); args.len()];
    let comparable = Comparable::new(&common);
    Ok(scalar(name, args, takes, HiveType::Int, move |columns, rows| {
        let keys = comparable.all(columns)?;
        let nulls: Vec<_> = columns.iter().map(|column| column.logical_nulls()).collect();
        let known = |column: usize, row| nulls[column].as_ref().is_none_or(|nulls| nulls.is_valid(row));
        ints(rows, |row| {
            let is_it = |&column: &usize| known(column, row) && keys[column].row(row) == keys[0].row(row);
            let found = (1..keys.len()).find(is_it).filter(|_| known(0, row));
            Some(found.map_or(0, super::rows::count_of))
        })
    }))
}
