//! The functions that hide parts of a value.

mod rule;

use super::{
    arguments::primitives,
    digest::{Digested, digested},
    function,
    rows::{text_at, texts},
};
use crate::{
    functions::{
        Arg, FunctionError, MASKING_ALGORITHM, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, text},
    },
    types::{CHAR_LENGTH_MAX, HiveType, VARCHAR_LENGTH_MAX},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, ArrowPrimitiveType, StringBuilder, new_null_array},
        datatypes::{Date32Type, Int8Type, Int16Type, Int32Type, Int64Type},
    },
    common::Result as ExecutionResult,
};
use rule::{Rule, Shown};
use sha2::{Sha256, Sha512};
use std::{fmt::Write, sync::Arc};

const MASK: &str = "Examples:\n   mask(ccn)\n   mask(ccn, 'X', 'x', '0')\n   mask(ccn, 'x', 'x', 'x')\n Arguments:\n   mask(value, upperChar, lowerChar, digitChar, otherChar, numberChar, dayValue, monthValue, yearValue)\n     value      - value to mask. Supported types: TINYINT, SMALLINT, INT, BIGINT, STRING, VARCHAR, CHAR, DATE\n     upperChar  - character to replace upper-case characters with. Specify -1 to retain original character. Default value: 'X'\n     lowerChar  - character to replace lower-case characters with. Specify -1 to retain original character. Default value: 'x'\n     digitChar  - character to replace digit characters with. Specify -1 to retain original character. Default value: 'n'\n     otherChar  - character to replace all other characters with. Specify -1 to retain original character. Default value: -1\n     numberChar - character to replace digits in a number with. Valid values: 0-9. Default value: '1'\n     dayValue   - value to replace day field in a date with.  Specify -1 to retain original value. Valid values: 1-31. Default value: 1\n     monthValue - value to replace month field in a date with. Specify -1 to retain original value. Valid values: 0-11. Default value: 0\n     yearValue  - value to replace year field in a date with. Specify -1 to retain original value. Default value: 0\n ";
const COUNTED: &str = "Examples:\n   _FUNC_(ccn, 8)\n   _FUNC_(ccn, 8, 'x', 'x', 'x')\n Arguments:\n   _FUNC_(value, charCount, upperChar, lowerChar, digitChar, otherChar, numberChar)\n     value      - value to mask. Supported types: TINYINT, SMALLINT, INT, BIGINT, STRING, VARCHAR, CHAR\n     charCount  - number of characters. Default value: 4\n     upperChar  - character to replace upper-case characters with. Specify -1 to retain original character. Default value: 'X'\n     lowerChar  - character to replace lower-case characters with. Specify -1 to retain original character. Default value: 'x'\n     digitChar  - character to replace digit characters with. Specify -1 to retain original character. Default value: 'n'\n     otherChar  - character to replace all other characters with. Specify -1 to retain original character. Default value: -1\n     numberChar - character to replace digits in a number with. Valid values: 0-9. Default value: '1'\n ";

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function("mask", &[], "masks the given value", MASK, |name, args, _| {
        mask(name, args, Rule::of(args, 1, |_| Shown::Nothing))
    }),
    function("mask_first_n", &[], "masks the first n characters of the value", COUNTED, |name, args, _| {
        mask(name, args, Rule::of(args, 2, Shown::AfterFirst))
    }),
    function("mask_last_n", &[], "masks the last n characters of the value", COUNTED, |name, args, _| {
        mask(name, args, Rule::of(args, 2, Shown::BeforeLast))
    }),
    function(
        "mask_show_first_n",
        &[],
        "masks all but first n characters of the value",
        COUNTED,
        |name, args, _| mask(name, args, Rule::of(args, 2, Shown::First)),
    ),
    function(
        "mask_show_last_n",
        &[],
        "masks all but last n characters of the value",
        COUNTED,
        |name, args, _| mask(name, args, Rule::of(args, 2, Shown::Last)),
    ),
    function(
        "mask_hash",
        &[],
        "returns hash of the given value",
        "Examples:\n   mask_hash(value)\n Arguments:\n   value - value to mask. Supported types: STRING, VARCHAR, CHAR",
        mask_hash,
    ),
];

/// The answer has the kind of the value, of whatever length; NULL for kinds that cannot be masked.
fn mask(name: &str, args: &[Arg], rule: Rule) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=usize::MAX)?;
    primitives(name, args)?;
    let ty = args[0].ty.clone();
    let returns = widest(&ty);
    let takes = args.iter().map(|arg| arg.ty.clone()).collect();
    Ok(scalar(name, args, takes, returns, move |columns, rows| match ty {
        HiveType::String | HiveType::Varchar(_) | HiveType::Char(_) => {
            masked_texts(text(columns, 0)?, &ty, rows, |value, out| rule.write(value, out))
        }
        HiveType::TinyInt => numbers::<Int8Type>(columns, |value| rule.number(value.into()) as i8),
        HiveType::SmallInt => numbers::<Int16Type>(columns, |value| rule.number(value.into()) as i16),
        HiveType::Int => numbers::<Int32Type>(columns, |value| rule.number(value.into()) as i32),
        HiveType::BigInt => numbers::<Int64Type>(columns, |value| rule.number(value) as i64),
        HiveType::Date => {
            let dates = primitive::<Date32Type>(columns, 0)?;
            Ok(Arc::new(dates.unary_opt::<_, Date32Type>(|days| rule.date(days))))
        }
        _ => Ok(new_null_array(columns[0].data_type(), rows)),
    }))
}

fn mask_hash(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=usize::MAX)?;
    primitives(name, args)?;
    let ty = args[0].ty.clone();
    let returns = widest(&ty);
    let takes = args.iter().map(|arg| arg.ty.clone()).collect();
    let algorithm = facts.settings.get(MASKING_ALGORITHM);
    let digested: Digested = match algorithm.is_some_and(|name| name.eq_ignore_ascii_case("sha512")) {
        true => digested::<Sha512>,
        false => digested::<Sha256>,
    };
    Ok(scalar(name, args, takes, returns, move |columns, rows| match ty.is_text() {
        true => masked_texts(text(columns, 0)?, &ty, rows, |value, out| digested(value.as_bytes(), out)),
        false => Ok(new_null_array(columns[0].data_type(), rows)),
    }))
}

fn widest(ty: &HiveType) -> HiveType {
    match ty {
        HiveType::Char(_) => HiveType::Char(CHAR_LENGTH_MAX),
        HiveType::Varchar(_) => HiveType::Varchar(VARCHAR_LENGTH_MAX),
        _ => ty.clone(),
    }
}

/// Of a char all its blanks are masked, with which it is not kept.
fn masked_texts(
    values: &datafusion::arrow::array::StringArray,
    ty: &HiveType,
    rows: usize,
    write: impl Fn(&str, &mut StringBuilder) -> Option<()>,
) -> ExecutionResult<ArrayRef> {
    let HiveType::Char(length) = *ty else {
        let capacity = values.value_data().len();
        return texts(rows, capacity, |row, out| write(text_at(values, row)?, out));
    };
    let mut padded = String::new();
    let mut masked = StringBuilder::new();
    texts(rows, rows * length as usize, |row, out| {
        padded.clear();
        write!(padded, "{:1$}", text_at(values, row)?, length as usize).ok()?;
        write(&padded, &mut masked)?;
        masked.append_value("");
        out.write_str(masked.finish().value(0).trim_end_matches(' ')).ok()
    })
}

fn numbers<T: ArrowPrimitiveType>(
    columns: &[ArrayRef],
    masked: impl Fn(T::Native) -> T::Native,
) -> ExecutionResult<ArrayRef> {
    Ok(Arc::new(primitive::<T>(columns, 0)?.unary::<_, T>(masked)))
}
