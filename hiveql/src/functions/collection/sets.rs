//! Arrays as sets: without duplicates, and what two have in common or apart.

use super::{check_same, comparable::Comparable, element, gather::Gather, search::bounds};
use crate::{
    cast::promotion::common_type,
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::arrow::{
    array::{Array, AsArray},
    row::{Row, Rows},
};
use std::collections::HashSet;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "array_distinct",
        aliases: &[],
        usage: "_FUNC_(array(obj1, obj2,...)) - The function returns an array of the same type as the input array with distinct values.",
        extended: "Example:\n  > SELECT _FUNC_(array('b', 'd', 'd', 'a')) FROM src LIMIT 1;\n  ['a', 'b', 'c']",
        resolve: array_distinct,
    },
    ScalarFunction {
        name: "array_except",
        aliases: &[],
        usage: "_FUNC_(array1, array2) - Returns an array of the elements in array1 but not in array2.",
        extended: "Example:\n  > SELECT _FUNC_(array(1, 2, 3,4), array(2,3)) FROM src LIMIT 1;\n  [1,4]",
        resolve: array_except,
    },
    ScalarFunction {
        name: "array_intersect",
        aliases: &[],
        usage: "_FUNC_(array1, array2) - Returns an array of the elements in the intersection of array1 and array2, without duplicates.",
        extended: "Example:\n  > SELECT _FUNC_(array(1, 2, 3,4), array(1,2,3)) FROM src LIMIT 1;\n  [1,2,3]",
        resolve: array_intersect,
    },
    ScalarFunction {
        name: "array_union",
        aliases: &[],
        usage: "_FUNC_(array1, array2) - Returns an array of the elements in the union of array1 and array2 without duplicates.",
        extended: "Example:\n  > SELECT _FUNC_(array(1, 2, 2, 4), array(2, 3)) FROM src LIMIT 1;\n  [1, 2, 3, 4]",
        resolve: array_union,
    },
];

fn array_distinct(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let element = element(name, args, 0)?;
    let comparable = Comparable::new(&element);
    let (ty, arrow) = (args[0].ty.clone(), element.arrow());
    Ok(scalar(name, args, vec![ty.clone()], ty, move |columns, rows| {
        let lists = columns[0].as_list::<i32>();
        let values = comparable.one(lists.values())?;
        let mut gather = Gather::with_capacity(rows);
        let mut seen: HashSet<Row<'_>> = HashSet::new();
        for row in 0..rows {
            if lists.is_null(row) {
                gather.end_null()?;
                continue;
            }
            seen.clear();
            bounds(lists, row)
                .filter(|place| seen.insert(values.row(*place)))
                .for_each(|place| gather.push(0, place));
            gather.end()?;
        }
        gather.finish(&[lists.values().as_ref()], &arrow)
    }))
}

fn array_except(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    combined(name, args, |left, right, seen, push| {
        seen.extend(right.each());
        left.push_where(0, push, |element| seen.insert(element));
    })
}

fn array_intersect(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    combined(name, args, |left, right, seen, push| {
        seen.extend(right.each());
        left.push_where(0, push, |element| seen.remove(&element));
    })
}

fn array_union(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    combined(name, args, |left, right, seen, push| {
        left.push_where(0, push, |element| seen.insert(element));
        right.push_where(1, push, |element| seen.insert(element));
    })
}

/// The elements of one row's list.
struct Elements<'a> {
    values: &'a Rows,
    places: std::ops::Range<usize>,
}

impl<'a> Elements<'a> {
    fn each(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let values = self.values;
        self.places.clone().map(move |place| values.row(place))
    }

    /// Adds the elements that are wanted to the result, as coming from the array `source`.
    fn push_where(&self, source: usize, gather: &mut Gather, mut is_wanted: impl FnMut(Row<'a>) -> bool) {
        for place in self.places.clone() {
            if is_wanted(self.values.row(place)) {
                gather.push(source, place);
            }
        }
    }
}

type Combine = for<'a> fn(&Elements<'a>, &Elements<'a>, &mut HashSet<Row<'a>>, &mut Gather);

/// NULL where one of the two is.
fn combined(name: &str, args: &[Arg], combine: Combine) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let (left, right) = (element(name, args, 0)?, element(name, args, 1)?);
    check_same(name, args, 1, (&left, &right))?;
    let common =
        common_type(&left, &right).ok_or_else(|| wrong_type(name, args, 1, &args[0].ty.to_string()))?;
    let comparable = Comparable::new(&common);
    let arrow = common.arrow();
    let ty = HiveType::array(common);
    Ok(scalar(name, args, vec![ty.clone(), ty.clone()], ty, move |columns, rows| {
        let (left, right) = (columns[0].as_list::<i32>(), columns[1].as_list::<i32>());
        let (left_values, right_values) = comparable.pair(left.values(), right.values())?;
        let mut gather = Gather::with_capacity(rows);
        for row in 0..rows {
            if left.is_null(row) || right.is_null(row) {
                gather.end_null()?;
                continue;
            }
            let left = Elements { values: &left_values, places: bounds(left, row) };
            let right = Elements { values: &right_values, places: bounds(right, row) };
            combine(&left, &right, &mut HashSet::new(), &mut gather);
            gather.end()?;
        }
        gather.finish(&[left.values().as_ref(), right.values().as_ref()], &arrow)
    }))
}
