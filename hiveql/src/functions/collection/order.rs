//! Sorted arrays.

use super::{comparable::Comparable, element, gather::Gather, search::bounds};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{constant_text, count, scalar, wrong_type, wrong_value},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, ListArray},
        row::Rows,
    },
    common::Result as ExecutionResult,
};
use std::cmp::Ordering;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "sort_array",
        aliases: &[],
        usage: "_FUNC_(array(obj1, obj2,...)) - Sorts the input array in ascending order according to the natural ordering of the array elements.",
        extended: "Example:\n  > SELECT _FUNC_(array('b', 'd', 'c', 'a')) FROM src LIMIT 1;\n  'a', 'b', 'c', 'd'",
        resolve: sort_array,
    },
    ScalarFunction {
        name: "sort_array_by",
        aliases: &[],
        usage: "_FUNC_(array(obj1, obj2,...),'f1','f2',...,['ASC','DESC']) - Sorts the input tuple array in user specified order(ASC,DESC) by desired field[s] name If sorting order is not mentioned by user then dafault sorting order is ascending",
        extended: "Example:\n  > SELECT _FUNC_(array(struct('g',100),struct('b',200)),'col1','ASC') FROM src LIMIT 1;\n array(struct('b',200),struct('g',100))",
        resolve: sort_array_by,
    },
];

/// The lists with their elements in the order of `compare`; equal ones stay as they are.
fn sorted(
    lists: &ListArray,
    compare: impl Fn(usize, usize) -> Ordering,
    element: &HiveType,
) -> ExecutionResult<ArrayRef> {
    let mut gather = Gather::with_capacity(lists.len());
    let mut places: Vec<usize> = Vec::new();
    for row in 0..lists.len() {
        if lists.is_null(row) {
            gather.end_null()?;
            continue;
        }
        places.clear();
        places.extend(bounds(lists, row));
        places.sort_by(|left, right| compare(*left, *right));
        places.iter().for_each(|place| gather.push(0, *place));
        gather.end()?;
    }
    gather.finish(&[lists.values().as_ref()], &element.arrow())
}

fn sort_array(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let element = element(name, args, 0)?;
    if matches!(element, HiveType::Union(_)) {
        return Err(wrong_type(name, args, 0, "array of what can be compared"));
    }
    let comparable = Comparable::new(&element);
    let ty = args[0].ty.clone();
    Ok(scalar(name, args, vec![ty.clone()], ty, move |columns, _| {
        let lists = columns[0].as_list::<i32>();
        let values = comparable.one(lists.values())?;
        sorted(lists, |left, right| values.row(left).cmp(&values.row(right)), &element)
    }))
}

fn sort_array_by(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=usize::MAX)?;
    let element = element(name, args, 0)?;
    let HiveType::Struct(fields) = &element else {
        return Err(wrong_type(name, args, 0, "array of structs"));
    };
    let mut names =
        (1..args.len()).map(|index| constant_text(name, args, index)).collect::<Result<Vec<_>, _>>()?;
    // The last may be the order, where something is left to sort by.
    let last = names.last().map(|last| last.to_ascii_uppercase()).unwrap_or_default();
    let descends = names.len() > 1 && last == "DESC";
    if names.len() > 1 && matches!(last.as_str(), "ASC" | "DESC") {
        names.pop();
    }
    let mut keys = Vec::with_capacity(names.len());
    for (index, wanted) in names.iter().enumerate() {
        let place = fields
            .iter()
            .position(|field| field.name.eq_ignore_ascii_case(wanted))
            .ok_or_else(|| wrong_value(name, index + 1, format!("the structs have no field {wanted}")))?;
        keys.push((place, Comparable::new(&fields[place].ty)));
    }
    let ty = args[0].ty.clone();
    let mut takes = vec![ty.clone()];
    takes.resize(args.len(), HiveType::String);
    Ok(scalar(name, args, takes, ty, move |columns, _| {
        let lists = columns[0].as_list::<i32>();
        let structs = lists.values().as_struct();
        let keys: Vec<Rows> = keys
            .iter()
            .map(|(place, comparable)| comparable.one(structs.column(*place)))
            .collect::<ExecutionResult<_>>()?;
        let compare = |left, right| {
            let order = keys
                .iter()
                .map(|key| key.row(left).cmp(&key.row(right)))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal);
            if descends { order.reverse() } else { order }
        };
        sorted(lists, compare, &element)
    }))
}
