//! Arrays with some elements less, or one more.

use super::{comparable::Comparable, element, element_with, gather::Gather, search::bounds};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::arrow::{
    array::{Array, AsArray},
    datatypes::Int32Type,
};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "array_slice",
        aliases: &[],
        usage: "_FUNC_(array, start, length) - Returns the subset or range of elements from an array (subarray).",
        extended: "Example:\n  > SELECT _FUNC_(array(1, 2, 3,4), 2,2) FROM src LIMIT 1;\n  3,4",
        resolve: array_slice,
    },
    ScalarFunction {
        name: "array_remove",
        aliases: &[],
        usage: "_FUNC_(array, element) - Removes all occurrences of element from array.",
        extended: "Example:\n  > SELECT _FUNC_(array(1, 2, 3,4,2), 2) FROM src;\n  [1,3,4]",
        resolve: array_remove,
    },
    ScalarFunction {
        name: "array_append",
        aliases: &[],
        usage: "_FUNC_(array, element) - Returns an array appended by element.",
        extended: "Example:\n  > SELECT _FUNC_(array(1,3,4), 2) FROM src;\n  [1,3,4,2]",
        resolve: array_append,
    },
    ScalarFunction {
        name: "array_compact",
        aliases: &[],
        usage: "_FUNC_(array) - Removes NULL elements from array.",
        extended: "Example:\n  > SELECT _FUNC_(array(1,NULL,3,NULL,4)) FROM src;\n  [1,3,4]",
        resolve: array_compact,
    },
];

fn array_compact(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let arrow = element(name, args, 0)?.arrow();
    let ty = args[0].ty.clone();
    Ok(scalar(name, args, vec![ty.clone()], ty, move |columns, rows| {
        let lists = columns[0].as_list::<i32>();
        let values = lists.values();
        let nulls = values.logical_nulls();
        let is_there = |place: &usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*place));
        let mut gather = Gather::with_capacity(rows);
        for row in 0..rows {
            if lists.is_null(row) {
                gather.end_null()?;
                continue;
            }
            bounds(lists, row).filter(is_there).for_each(|place| gather.push(0, place));
            gather.end()?;
        }
        gather.finish(&[values.as_ref()], &arrow)
    }))
}

/// From `start`, counted from 0; empty where it does not lie within the array.
fn array_slice(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 3..=3)?;
    let arrow = element(name, args, 0)?.arrow();
    for index in 1..3 {
        if !args[index].ty.is_integer() && args[index].ty != HiveType::Void {
            return Err(wrong_type(name, args, index, "int"));
        }
    }
    let ty = args[0].ty.clone();
    Ok(scalar(name, args, vec![ty.clone(), HiveType::Int, HiveType::Int], ty, move |columns, rows| {
        let lists = columns[0].as_list::<i32>();
        let (starts, lengths) = (primitive::<Int32Type>(columns, 1)?, primitive::<Int32Type>(columns, 2)?);
        let mut gather = Gather::with_capacity(rows);
        for row in 0..rows {
            if lists.is_null(row) || starts.is_null(row) || lengths.is_null(row) {
                gather.end_null()?;
                continue;
            }
            let whole = bounds(lists, row);
            let start = usize::try_from(starts.value(row)).ok();
            let length = usize::try_from(lengths.value(row)).ok();
            if let (Some(start), Some(length)) = (start, length)
                && start + length <= whole.len()
            {
                (whole.start + start..whole.start + start + length).for_each(|place| gather.push(0, place));
            }
            gather.end()?;
        }
        gather.finish(&[lists.values().as_ref()], &arrow)
    }))
}

fn array_remove(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let element = element_with(name, args, 1)?;
    let (comparable, arrow) = (Comparable::new(&element), element.arrow());
    let ty = HiveType::array(element.clone());
    Ok(scalar(name, args, vec![ty.clone(), element], ty, move |columns, rows| {
        let lists = columns[0].as_list::<i32>();
        let (values, removed) = comparable.pair(lists.values(), &columns[1])?;
        let nulls = columns[1].logical_nulls();
        let mut gather = Gather::with_capacity(rows);
        for row in 0..rows {
            if lists.is_null(row) || nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                gather.end_null()?;
                continue;
            }
            bounds(lists, row)
                .filter(|place| values.row(*place) != removed.row(row))
                .for_each(|place| gather.push(0, place));
            gather.end()?;
        }
        gather.finish(&[lists.values().as_ref()], &arrow)
    }))
}

fn array_append(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let element = element_with(name, args, 1)?;
    let arrow = element.arrow();
    let ty = HiveType::array(element.clone());
    Ok(scalar(name, args, vec![ty.clone(), element], ty, move |columns, rows| {
        let lists = columns[0].as_list::<i32>();
        let mut gather = Gather::with_capacity(rows);
        for row in 0..rows {
            if lists.is_null(row) {
                gather.end_null()?;
                continue;
            }
            bounds(lists, row).for_each(|place| gather.push(0, place));
            gather.push(1, row);
            gather.end()?;
        }
        gather.finish(&[lists.values().as_ref(), columns[1].as_ref()], &arrow)
    }))
}
