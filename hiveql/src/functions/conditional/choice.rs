//! One of several values: the first that is there, or that a condition picks.

use crate::{
    cast::promotion::{common_type_for_comparison, common_type_of},
    functions::{
        Arg, Columns, FunctionError, Rows, Scalar, ScalarFunction, SessionFacts,
        collection::comparable::Comparable,
        resolve::{count, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanArray, new_null_array},
        compute::{interleave, kernels::nullif::nullif as null_where},
    },
    common::Result as ExecutionResult,
};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "if",
        aliases: &[],
        usage: "IF(expr1,expr2,expr3) - If expr1 is TRUE (expr1 <> 0 and expr1 <> NULL) then IF() returns expr2; otherwise it returns expr3. IF() returns a numeric or string value, depending on the context in which it is used.",
        extended: "",
        resolve: if_else,
    },
    ScalarFunction {
        name: "nvl",
        aliases: &[],
        usage: "_FUNC_(value,default_value) - Returns default value if value is null else returns value",
        extended: "Example:\n  > SELECT _FUNC_(null,'bla') FROM src LIMIT 1;\n  bla",
        resolve: nvl,
    },
    ScalarFunction {
        name: "coalesce",
        aliases: &[],
        usage: "_FUNC_(a1, a2, ...) - Returns the first non-null argument",
        extended: "Example:\n  > SELECT _FUNC_(NULL, 1, NULL) FROM src LIMIT 1;\n  1",
        resolve: coalesce,
    },
    ScalarFunction {
        name: "nullif",
        aliases: &[],
        usage: "_FUNC_(a1, a2) - shorthand for: case when a1 = a2 then null else a1",
        extended: "Example:\n SELECT _FUNC_(1,1),_FUNC_(1,2)",
        resolve: nullif,
    },
    ScalarFunction {
        name: "when",
        aliases: &[],
        usage: "CASE WHEN a THEN b [WHEN c THEN d]* [ELSE e] END - When a = true, returns b; when c = true, return d; else return e",
        extended: "Example:\n SELECT\n CASE\n   WHEN deptno=1 THEN Engineering\n   WHEN deptno=2 THEN Finance\n   ELSE admin\n END,\n CASE\n   WHEN zone=7 THEN Americas\n   ELSE Asia-Pac\n END\n FROM emp_details",
        resolve: when,
    },
    ScalarFunction {
        name: "case",
        aliases: &[],
        usage: "CASE a WHEN b THEN c [WHEN d THEN e]* [ELSE f] END - When a = b, returns c; when a = d, return e; else return f",
        extended: "Example:\n SELECT\n CASE deptno\n   WHEN 1 THEN Engineering\n   WHEN 2 THEN Finance\n   ELSE admin\n END,\n CASE zone\n   WHEN 7 THEN Americas\n   ELSE Asia-Pac\n END\n FROM emp_details",
        resolve: case,
    },
];

/// The common type of some of the arguments.
fn unified(name: &str, args: &[Arg], chosen: &[usize]) -> Result<HiveType, FunctionError> {
    let mut common = HiveType::Void;
    for index in chosen {
        common = common_type_of([&common, &args[*index].ty])
            .ok_or_else(|| wrong_type(name, args, *index, &common.to_string()))?;
    }
    Ok(common)
}

/// For each row the column that `pick` says; NULL where it says none.
fn picked(
    columns: Columns<'_>,
    rows: Rows,
    pick: impl Fn(usize) -> Option<usize>,
    returns: &HiveType,
) -> ExecutionResult<ArrayRef> {
    let absent = new_null_array(&returns.arrow(), 1);
    let mut sources: Vec<&dyn Array> = columns.iter().map(AsRef::as_ref).collect();
    sources.push(absent.as_ref());
    let indices: Vec<_> =
        (0..rows).map(|row| pick(row).map_or((columns.len(), 0), |column| (column, row))).collect();
    Ok(interleave(&sources, &indices)?)
}

fn if_else(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 3..=3)?;
    if !matches!(args[0].ty, HiveType::Boolean | HiveType::Void) {
        return Err(wrong_type(name, args, 0, "boolean"));
    }
    let common = unified(name, args, &[1, 2])?;
    let takes = vec![HiveType::Boolean, common.clone(), common.clone()];
    Ok(scalar(name, args, takes, common.clone(), move |columns, rows| {
        let conditions = columns[0].as_boolean();
        let pick = |row| Some(if conditions.is_valid(row) && conditions.value(row) { 0 } else { 1 });
        picked(&columns[1..], rows, pick, &common)
    }))
}

fn nvl(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    coalesce(name, args, facts)
}

fn coalesce(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=usize::MAX)?;
    let common = unified(name, args, &(0..args.len()).collect::<Vec<_>>())?;
    let takes = vec![common.clone(); args.len()];
    Ok(scalar(name, args, takes, common.clone(), move |columns, rows| {
        if columns[0].logical_null_count() == 0 {
            return Ok(columns[0].clone());
        }
        let nulls: Vec<_> = columns.iter().map(|column| column.logical_nulls()).collect();
        let pick =
            |row| nulls.iter().position(|nulls| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)));
        picked(columns, rows, pick, &common)
    }))
}

fn nullif(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let (left, right) = (&args[0].ty, &args[1].ty);
    let common = common_type_for_comparison(left, right)
        .ok_or_else(|| wrong_type(name, args, 1, &left.to_string()))?;
    // The result keeps the type of the first, where both can be compared without its cast.
    let returns = if left.is_numeric() && common.is_numeric() { left.clone() } else { common.clone() };
    let takes = vec![returns.clone(), common.clone()];
    let arrow = common.arrow();
    let compared = Comparable::new(&common);
    Ok(scalar(name, args, takes, returns, move |columns, rows| {
        let left = datafusion::arrow::compute::cast(&columns[0], &arrow)?;
        let (left, right) = compared.pair(&left, &columns[1])?;
        let is_there =
            |column: &ArrayRef, row| column.logical_nulls().is_none_or(|nulls| nulls.is_valid(row));
        let equal: BooleanArray = (0..rows)
            .map(|row| Some(is_there(&columns[1], row) && left.row(row) == right.row(row)))
            .collect();
        match columns[0].logical_null_count() == rows {
            true => Ok(columns[0].clone()),
            false => Ok(null_where(&columns[0], &equal)?),
        }
    }))
}

/// Conditions and values by turns, and at the end maybe the value for when none holds.
fn when(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=usize::MAX)?;
    let branches = args.len() / 2;
    let mut values: Vec<usize> = (0..branches).map(|branch| branch * 2 + 1).collect();
    let otherwise = (args.len() % 2 == 1).then_some(args.len() - 1);
    values.extend(otherwise);
    let common = unified(name, args, &values)?;
    let mut takes = vec![HiveType::Boolean; args.len()];
    for index in values {
        takes[index] = common.clone();
    }
    Ok(scalar(name, args, takes, common.clone(), move |columns, rows| {
        let conditions: Vec<&BooleanArray> =
            (0..branches).map(|branch| columns[branch * 2].as_boolean()).collect();
        let holds = |condition: &&BooleanArray, row| condition.is_valid(row) && condition.value(row);
        let chosen: Vec<Option<usize>> = (0..rows)
            .map(|row| {
                let branch = conditions.iter().position(|condition| holds(condition, row));
                branch.map(|branch| branch * 2 + 1).or(otherwise)
            })
            .collect();
        values_of(columns, &chosen, &common)
    }))
}

/// A value, then what it may equal and the answer by turns, and at the end maybe the answer for all else.
fn case(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 3..=usize::MAX)?;
    let branches = (args.len() - 1) / 2;
    let tested: Vec<usize> = std::iter::once(0).chain((0..branches).map(|branch| branch * 2 + 1)).collect();
    let mut values: Vec<usize> = (0..branches).map(|branch| branch * 2 + 2).collect();
    let otherwise = args.len().is_multiple_of(2).then_some(args.len() - 1);
    values.extend(otherwise);
    let mut compared = HiveType::Void;
    for index in &tested {
        compared = common_type_for_comparison(&compared, &args[*index].ty)
            .ok_or_else(|| wrong_type(name, args, *index, &compared.to_string()))?;
    }
    let common = unified(name, args, &values)?;
    let mut takes = vec![compared.clone(); args.len()];
    for index in values {
        takes[index] = common.clone();
    }
    let comparable = Comparable::new(&compared);
    Ok(scalar(name, args, takes, common.clone(), move |columns, rows| {
        let keys: Vec<ArrayRef> = tested.iter().map(|index| columns[*index].clone()).collect();
        let keys = comparable.all(&keys)?;
        let nulls = columns[0].logical_nulls();
        let chosen: Vec<Option<usize>> = (0..rows)
            .map(|row| {
                let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
                let branch = keys[1..].iter().position(|key| !is_null && key.row(row) == keys[0].row(row));
                branch.map(|branch| branch * 2 + 2).or(otherwise)
            })
            .collect();
        values_of(columns, &chosen, &common)
    }))
}

/// As [`picked`], where not all columns are values.
fn values_of(
    columns: Columns<'_>,
    chosen: &[Option<usize>],
    returns: &HiveType,
) -> ExecutionResult<ArrayRef> {
    let mut used: Vec<usize> = chosen.iter().flatten().copied().collect();
    used.sort_unstable();
    used.dedup();
    let values: Vec<ArrayRef> = used.iter().map(|index| columns[*index].clone()).collect();
    let pick = |row: usize| chosen[row].and_then(|index| used.binary_search(&index).ok());
    picked(&values, chosen.len(), pick, returns)
}
