//! Elements found in arrays: by value, and the least and the greatest.

use super::{comparable::Comparable, element, element_with};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, scalar},
    },
    types::HiveType,
};
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListArray, UInt32Array},
    compute::take,
    row::Rows,
};
use std::{cmp::Ordering, ops::Range, sync::Arc};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "array_contains",
        aliases: &[],
        usage: "_FUNC_(array, value) - Returns TRUE if the array contains value.",
        extended: "Example:\n  > SELECT _FUNC_(array(1, 2, 3), 2) FROM src LIMIT 1;\n  true",
        resolve: array_contains,
    },
    ScalarFunction {
        name: "array_position",
        aliases: &[],
        usage: "_FUNC_(array, element) - Returns the position of the first occurrence of element in array. Array indexing starts at 1. If the element value is NULL, a NULL is returned.",
        extended: "Example:\n  > SELECT _FUNC_(array(1, 2, 3,4,2), 2) FROM src;\n  2",
        resolve: array_position,
    },
    ScalarFunction {
        name: "array_min",
        aliases: &[],
        usage: "_FUNC_(array) - Returns the minimum value in the array. NULL elements are skipped.",
        extended: "Example:\n  > SELECT _FUNC_(array(1, 3, 0, NULL)) FROM src LIMIT 1;\n  0",
        resolve: array_min,
    },
    ScalarFunction {
        name: "array_max",
        aliases: &[],
        usage: "_FUNC_(array) - Returns the maximum value in the array. NULL elements are skipped.",
        extended: "Example:\n  > SELECT _FUNC_(array(1, 3, 0, NULL)) FROM src LIMIT 1;\n  3",
        resolve: array_max,
    },
];

/// The places of a row's elements among the values.
pub(super) fn bounds(lists: &ListArray, row: usize) -> Range<usize> {
    lists.value_offsets()[row] as usize..lists.value_offsets()[row + 1] as usize
}

/// For each row where in its list the value stands; `None` where the list or the value is NULL or it is not there.
fn positions(lists: &ListArray, values: &Rows, wanted: &ArrayRef, keys: &Rows) -> Vec<Option<usize>> {
    let nulls = wanted.logical_nulls();
    (0..lists.len())
        .map(|row| {
            let is_known = lists.is_valid(row) && nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            let mut places = bounds(lists, row);
            if !is_known {
                return None;
            }
            places.position(|place| values.row(place) == keys.row(row))
        })
        .collect()
}

fn array_contains(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let element = element_with(name, args, 1)?;
    let comparable = Comparable::new(&element);
    let takes = vec![HiveType::array(element.clone()), element];
    Ok(scalar(name, args, takes, HiveType::Boolean, move |columns, _| {
        let lists = columns[0].as_list::<i32>();
        let (values, keys) = comparable.pair(lists.values(), &columns[1])?;
        let found = positions(lists, &values, &columns[1], &keys);
        Ok(Arc::new(found.iter().map(|found| Some(found.is_some())).collect::<BooleanArray>()))
    }))
}

/// 0 where it is not there.
fn array_position(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let element = element_with(name, args, 1)?;
    let comparable = Comparable::new(&element);
    let takes = vec![HiveType::array(element.clone()), element];
    Ok(scalar(name, args, takes, HiveType::Int, move |columns, rows| {
        let lists = columns[0].as_list::<i32>();
        let (values, keys) = comparable.pair(lists.values(), &columns[1])?;
        let found = positions(lists, &values, &columns[1], &keys);
        let nulls = columns[1].logical_nulls();
        let positions = (0..rows).map(|row| {
            let is_known = lists.is_valid(row) && nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            is_known.then(|| found[row].map_or(0, |place| place as i32 + 1))
        });
        Ok(Arc::new(positions.collect::<Int32Array>()))
    }))
}

fn array_min(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    extreme(name, args, Ordering::Less)
}

fn array_max(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    extreme(name, args, Ordering::Greater)
}

/// The element that compares so with all others.
fn extreme(name: &str, args: &[Arg], wanted: Ordering) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let element = element(name, args, 0)?;
    let comparable = Comparable::new(&element);
    Ok(scalar(name, args, vec![args[0].ty.clone()], element, move |columns, rows| {
        let lists = columns[0].as_list::<i32>();
        let values = comparable.one(lists.values())?;
        let nulls = lists.values().logical_nulls();
        let places =
            (0..rows).map(|row| {
                let there = bounds(lists, row).filter(|place| {
                    lists.is_valid(row) && nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*place))
                });
                let best = there.reduce(|best, place| {
                    if values.row(place).cmp(&values.row(best)) == wanted { place } else { best }
                });
                best.map(|place| place as u32)
            });
        Ok(take(lists.values(), &places.collect::<UInt32Array>(), None)?)
    }))
}
