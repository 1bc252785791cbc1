//! The operators and functions of this folder on the values of Hive's own tests.

use super::{ArithmeticOp, FUNCTIONS, arithmetic, native_operator};
use crate::{
    functions::{
        Arg, FunctionError,
        evaluate::{arg, facts, int, string, text, value, void},
        registry,
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{RecordBatch, RecordBatchOptions},
        datatypes::Schema,
    },
    common::ScalarValue,
    logical_expr::Operator,
    physical_expr::{
        PhysicalExpr,
        expressions::{BinaryExpr, Literal},
    },
};
use std::sync::Arc;

fn double(value: f64) -> Arg {
    arg(ScalarValue::Float64(Some(value)))
}

fn float(value: f32) -> Arg {
    arg(ScalarValue::Float32(Some(value)))
}

fn tiny(value: i8) -> Arg {
    arg(ScalarValue::Int8(Some(value)))
}

fn small(value: i16) -> Arg {
    arg(ScalarValue::Int16(Some(value)))
}

fn long(value: i64) -> Arg {
    arg(ScalarValue::Int64(Some(value)))
}

/// As it is written.
fn decimal(written: &str) -> Arg {
    let scale = written.split_once('.').map_or(0, |(_, places)| places.len());
    let digits = written.replace('.', "");
    let precision = digits.trim_start_matches('-').trim_start_matches('0').len().max(scale).max(1);
    arg(ScalarValue::Decimal128(Some(digits.parse().unwrap()), precision as u8, scale as i8))
}

fn of_datetime(name: &str, written: &str) -> Arg {
    value(super::super::datetime::FUNCTIONS, name, &[string(written)])
}

fn date(written: &str) -> Arg {
    of_datetime("date", written)
}

fn timestamp(written: &str) -> Arg {
    of_datetime("timestamp", written)
}

fn check(cases: &[(&str, &[Arg], &str)]) {
    for (name, args, expected) in cases {
        assert_eq!(&text(FUNCTIONS, name, args), expected, "{name} of {args:?}");
    }
}

#[test]
fn operators_have_the_result_types_of_hive() {
    let decimal = HiveType::decimal;
    for (left, op, right, expected) in [
        (HiveType::TinyInt, ArithmeticOp::Add, HiveType::TinyInt, "tinyint"),
        (HiveType::SmallInt, ArithmeticOp::Multiply, HiveType::BigInt, "bigint"),
        (HiveType::Int, ArithmeticOp::Divide, HiveType::Int, "double"),
        (HiveType::Int, ArithmeticOp::IntegerDivide, HiveType::TinyInt, "bigint"),
        (HiveType::TinyInt, ArithmeticOp::BitXor, HiveType::SmallInt, "smallint"),
        (HiveType::Int, ArithmeticOp::Add, HiveType::Void, "double"),
        (HiveType::Void, ArithmeticOp::Add, HiveType::Void, "void"),
        (HiveType::Float, ArithmeticOp::Multiply, decimal(4, 2), "float"),
        (HiveType::Float, ArithmeticOp::Divide, HiveType::Float, "double"),
        (HiveType::Double, ArithmeticOp::Subtract, decimal(4, 2), "double"),
        (HiveType::String, ArithmeticOp::Modulo, HiveType::Char(3), "double"),
        (decimal(20, 10), ArithmeticOp::Add, decimal(23, 14), "decimal(25,14)"),
        (decimal(10, 5), ArithmeticOp::Add, decimal(2, 1), "decimal(11,5)"),
        (HiveType::Int, ArithmeticOp::Multiply, decimal(23, 14), "decimal(34,14)"),
        (decimal(21, 10), ArithmeticOp::Divide, decimal(23, 14), "decimal(38,13)"),
        (decimal(23, 14), ArithmeticOp::Divide, decimal(2, 1), "decimal(27,17)"),
        (decimal(20, 10), ArithmeticOp::Multiply, decimal(27, 17), "decimal(38,17)"),
        (decimal(20, 10), ArithmeticOp::Modulo, HiveType::Int, "decimal(20,10)"),
        (decimal(2, 1), ArithmeticOp::Divide, HiveType::BigInt, "decimal(22,21)"),
        (decimal(38, 18), ArithmeticOp::Multiply, decimal(38, 18), "decimal(38,6)"),
        (HiveType::Date, ArithmeticOp::Subtract, HiveType::Date, "interval_day_time"),
        (HiveType::Date, ArithmeticOp::Add, HiveType::IntervalDayTime, "timestamp"),
        (HiveType::IntervalYearMonth, ArithmeticOp::Add, HiveType::Date, "date"),
        (HiveType::Date, ArithmeticOp::Subtract, HiveType::Int, "date"),
        (
            HiveType::IntervalDayTime,
            ArithmeticOp::Add,
            HiveType::TimestampLocalTz,
            "timestamp with local time zone",
        ),
        (HiveType::Timestamp, ArithmeticOp::Subtract, HiveType::TimestampLocalTz, "interval_day_time"),
    ] {
        let found = arithmetic(op, &left, &right, &facts()).unwrap();
        assert_eq!(found.returns.to_string(), expected, "{left} {} {right}", op.name());
    }
}

#[test]
fn operators_do_not_take_what_has_no_meaning() {
    for (left, op, right) in [
        (HiveType::Boolean, ArithmeticOp::Add, HiveType::Int),
        (HiveType::Int, ArithmeticOp::BitAnd, HiveType::Double),
        (HiveType::Double, ArithmeticOp::IntegerDivide, HiveType::Int),
        (HiveType::Int, ArithmeticOp::Subtract, HiveType::Date),
        (HiveType::IntervalDayTime, ArithmeticOp::Multiply, HiveType::Int),
        (HiveType::IntervalYearMonth, ArithmeticOp::Add, HiveType::IntervalDayTime),
        (HiveType::array(HiveType::Int), ArithmeticOp::Add, HiveType::Int),
    ] {
        let error = arithmetic(op, &left, &right, &facts()).unwrap_err();
        assert!(
            matches!(&error, FunctionError::Type { function, .. } if function == op.name()),
            "{left} {} {right}: {error}",
            op.name()
        );
    }
}

#[test]
fn whole_numbers_wrap_around_as_in_java() {
    check(&[
        ("+", &[int(i32::MAX), int(1)], "-2147483648"),
        ("-", &[tiny(-128), tiny(1)], "127"),
        ("*", &[long(i64::MAX), long(2)], "-2"),
        ("%", &[int(i32::MIN), int(-1)], "0"),
        ("div", &[long(i64::MIN), long(-1)], "-9223372036854775808"),
        ("negative", &[int(i32::MIN)], "-2147483648"),
        ("abs", &[int(i32::MIN)], "-2147483648"),
        ("~", &[int(0)], "-1"),
        ("&", &[int(3), int(5)], "1"),
        ("|", &[int(3), int(5)], "7"),
        ("^", &[int(3), int(5)], "6"),
    ]);
}

#[test]
fn nothing_is_divided_by_zero() {
    check(&[
        ("/", &[int(1), int(0)], "NULL"),
        ("/", &[double(1.0), double(-0.0)], "NULL"),
        ("/", &[decimal("1.5"), decimal("0.0")], "NULL"),
        ("div", &[int(1), int(0)], "NULL"),
        ("%", &[int(1), int(0)], "NULL"),
        ("%", &[double(1.0), double(0.0)], "NULL"),
        ("%", &[decimal("1"), decimal("0")], "NULL"),
        ("pmod", &[int(1), int(0)], "NULL"),
        ("/", &[int(3), int(2)], "1.5"),
        ("mod", &[int(-7), int(3)], "-1"),
        ("+", &[void(), int(1)], "NULL"),
    ]);
}

#[test]
fn decimals_are_rounded_half_up_to_the_scale_of_their_type() {
    check(&[
        ("+", &[decimal("1.25"), decimal("2.5")], "3.75"),
        ("-", &[decimal("1.25"), int(2)], "-0.75"),
        ("*", &[decimal("-1.5"), decimal("1.5")], "-2.25"),
        ("/", &[decimal("1.2"), long(-63_925)], "-0.000018771998435666797"),
        ("/", &[decimal("2"), decimal("3")], "0.666667"),
        ("/", &[decimal("-2"), decimal("3")], "-0.666667"),
        ("%", &[decimal("-7.5"), decimal("2")], "-1.5"),
        ("pmod", &[decimal("-100.91"), decimal("9.8")], "6.89"),
        ("pmod", &[decimal("-50.1"), decimal("101.8")], "51.7"),
        // Of 36 places 16 are left.
        (
            "*",
            &[decimal("12345678901234567890.123456789012345678"), decimal("1.000000000000000000")],
            "12345678901234567890.1234567890123457",
        ),
        (
            "+",
            &[
                decimal("99999999999999999999999999999999999999"),
                decimal("99999999999999999999999999999999999999"),
            ],
            "NULL",
        ),
    ]);
}

#[test]
fn the_expressions_on_decimals_of_hives_tests_have_its_digits() {
    let decimal = |digits, precision, scale| arg(ScalarValue::Decimal128(Some(digits), precision, scale));
    let (left, right) = (decimal(8_356_189_189_189, 20, 10), decimal(100_082_307_692_307_700, 23, 14));
    let call = |name, left: &Arg, right: &Arg| value(FUNCTIONS, name, &[left.clone(), right.clone()]);
    let sum = call("+", &left, &decimal(234, 3, 2));
    let share = call("/", &right, &decimal(34, 2, 1));
    check(&[
        ("+", &[left.clone(), right.clone()], "1836.44199584197700"),
        ("-", &[left.clone(), call("*", &int(2), &right)], "-1166.02723492725400"),
        ("/", &[sum, right.clone()], "0.8372697814834"),
        ("*", &[left.clone(), share], "245972.55810810255804469"),
        ("%", &[left, int(10)], "5.6189189189"),
    ]);
}

#[test]
fn the_positive_modulo_is_that_of_hive() {
    check(&[
        ("pmod", &[void(), void()], "NULL"),
        ("pmod", &[int(-100), int(9)], "8"),
        ("pmod", &[tiny(-50), tiny(101)], "51"),
        ("pmod", &[small(-100), small(29)], "16"),
        ("pmod", &[float(-100.91), float(9.8)], "6.8899984"),
        ("pmod", &[double(-50.1), double(101.8)], "51.699999999999996"),
    ]);
}

#[test]
fn dates_and_intervals_are_added_and_subtracted() {
    let months = |written| of_datetime("interval_year_month", written);
    let time = |written| of_datetime("interval_day_time", written);
    let (day, instant) = (date("1969-12-31"), timestamp("1969-12-31 15:59:46.674"));
    check(&[
        ("-", &[day.clone(), months("2-2")], "1967-10-31"),
        ("+", &[months("2-2"), day.clone()], "1972-02-29"),
        ("+", &[instant.clone(), months("2-2")], "1972-02-29T15:59:46.674"),
        ("+", &[day.clone(), time("99 11:22:33.123456")], "1970-04-09T11:22:33.123456"),
        ("-", &[day.clone(), time("99 11:22:33.123456")], "1969-09-22T12:37:26.876544"),
        ("+", &[time("99 11:22:33.5"), instant.clone()], "1970-04-10T03:22:20.174"),
        ("+", &[date("2001-01-28"), int(3)], "2001-01-31"),
        ("-", &[date("2001-01-28"), int(3)], "2001-01-25"),
    ]);
    let micros =
        |left: &Arg, right: &Arg| match value(FUNCTIONS, "-", &[left.clone(), right.clone()]).constant {
            Some(ScalarValue::DurationMicrosecond(Some(micros))) => micros,
            other => panic!("{other:?}"),
        };
    assert_eq!(micros(&day, &date("1999-06-07")), -10_750 * 86_400_000_000);
    // Hive's own tests have the lost second too: -0 15:59:47.674.
    assert_eq!(micros(&day, &instant), -57_587_674_000);
    assert_eq!(micros(&instant, &instant), 0);
    let sum = value(FUNCTIONS, "-", &[months("2-2"), months("3-3")]);
    assert_eq!(sum.constant, Some(ScalarValue::IntervalYearMonth(Some(-13))));
    let negative = value(FUNCTIONS, "negative", &[time("1 0:0:0")]);
    assert_eq!(negative.constant, Some(ScalarValue::DurationMicrosecond(Some(-86_400_000_000))));
}

#[test]
fn where_an_operator_is_native_its_answer_is_that_of_the_kernel() {
    let run = |op, left: &ScalarValue, right: &ScalarValue| {
        let literal = |value: &ScalarValue| Arc::new(Literal::new(value.clone())) as Arc<dyn PhysicalExpr>;
        let one_row = RecordBatchOptions::new().with_row_count(Some(1));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &one_row).unwrap();
        let native = BinaryExpr::new(literal(left), op, literal(right)).evaluate(&batch).unwrap();
        ScalarValue::try_from_array(&native.into_array(1).unwrap(), 0).unwrap()
    };
    let operators = [
        (ArithmeticOp::Add, Operator::Plus),
        (ArithmeticOp::Subtract, Operator::Minus),
        (ArithmeticOp::Multiply, Operator::Multiply),
        (ArithmeticOp::BitAnd, Operator::BitwiseAnd),
        (ArithmeticOp::BitOr, Operator::BitwiseOr),
        (ArithmeticOp::BitXor, Operator::BitwiseXor),
    ];
    let operands = [
        (tiny(127), tiny(-128)),
        (small(i16::MIN), small(-1)),
        (int(i32::MAX), int(i32::MAX)),
        (long(i64::MIN), long(-1)),
        (float(1.1), float(f32::MAX)),
        (double(f64::MAX), double(-f64::MAX)),
    ];
    let mut compared = 0;
    for (op, native) in operators {
        for (left, right) in &operands {
            let Some((operand, returns)) = native_operator(op, &left.ty, &right.ty) else { continue };
            assert_eq!((&operand, &returns), (&left.ty, &left.ty));
            let kernel = value(FUNCTIONS, op.name(), &[left.clone(), right.clone()]).constant.unwrap();
            let native = run(native, left.constant.as_ref().unwrap(), right.constant.as_ref().unwrap());
            assert_eq!(kernel, native, "{left:?} {} {right:?}", op.name());
            compared += 1;
        }
    }
    assert_eq!(compared, 3 * 6 + 3 * 4);
    assert_eq!(native_operator(ArithmeticOp::Divide, &HiveType::Int, &HiveType::Int), None);
    assert_eq!(native_operator(ArithmeticOp::Add, &HiveType::decimal(4, 2), &HiveType::Int), None);
    assert_eq!(
        native_operator(ArithmeticOp::Add, &HiveType::String, &HiveType::Int),
        Some((HiveType::Double, HiveType::Double))
    );
}

#[test]
fn an_operator_is_found_again_by_its_name() {
    for op in [
        ArithmeticOp::Add,
        ArithmeticOp::Subtract,
        ArithmeticOp::Multiply,
        ArithmeticOp::Divide,
        ArithmeticOp::IntegerDivide,
        ArithmeticOp::Modulo,
        ArithmeticOp::BitAnd,
        ArithmeticOp::BitOr,
        ArithmeticOp::BitXor,
    ] {
        let first = arithmetic(op, &HiveType::Int, &HiveType::BigInt, &facts()).unwrap();
        let args = [HiveType::Int, HiveType::BigInt].map(|ty| Arg { ty, constant: None });
        let definition = registry::scalar(first.udf.name()).unwrap();
        let again = (definition.resolve)(first.udf.name(), &args, &facts()).unwrap();
        assert_eq!(again.udf, first.udf);
    }
}

#[test]
fn functions_of_doubles_are_null_outside_their_domain() {
    check(&[
        ("acos", &[int(0)], "1.5707963267948966"),
        ("acos", &[int(2)], "NULL"),
        ("ln", &[double(0.0)], "NULL"),
        ("log", &[int(-1)], "NULL"),
        ("log", &[int(2), double(0.5)], "-1.0"),
        ("log", &[double(0.5), int(2)], "NULL"),
        ("sqrt", &[int(-1)], "NULL"),
        ("sqrt", &[int(4)], "2.0"),
        ("cbrt", &[double(27.0)], "3.0"),
        ("pow", &[int(2), int(-3)], "0.125"),
        ("power", &[int(-1), double(0.5)], "NaN"),
        ("power", &[int(1), double(f64::NAN)], "NaN"),
        ("sign", &[int(-45)], "-1.0"),
        ("sign", &[decimal("-1.5")], "-1"),
        ("e", &[], "2.718281828459045"),
        ("tan", &[void()], "NULL"),
        ("abs", &[decimal("-3.14159265")], "3.14159265"),
        ("abs", &[long(-9_223_372_036_854_775_807)], "9223372036854775807"),
        ("positive", &[string("1.5")], "1.5"),
        ("negative", &[void()], "NULL"),
    ]);
}

#[test]
fn numbers_are_rounded_as_in_hive() {
    check(&[
        ("round", &[void()], "NULL"),
        ("round", &[int(125), void()], "NULL"),
        ("round", &[int(55_555), int(-1)], "55560"),
        ("round", &[int(55_555), int(-5)], "100000"),
        ("round", &[int(55_555), int(-6)], "0"),
        ("round", &[decimal("125.315")], "125"),
        ("round", &[decimal("125.315"), int(2)], "125.32"),
        ("round", &[decimal("125.315"), int(4)], "125.3150"),
        ("round", &[decimal("-125.315"), int(-1)], "-130"),
        ("round", &[decimal("-125.315"), int(-4)], "0"),
        ("round", &[decimal("3.141592653589793"), int(-16)], "0"),
        ("round", &[double(1_809_242.315_111_134_4), int(9)], "1809242.315111134"),
        ("round", &[string("2.5")], "3.0"),
        ("round", &[float(0.15), int(1)], "0.2"),
        ("bround", &[decimal("2.5")], "2"),
        ("bround", &[decimal("-1.35"), int(1)], "-1.4"),
        ("bround", &[decimal("45.0"), int(-1)], "40"),
        ("bround", &[decimal("55.1"), int(-1)], "60"),
        ("bround", &[double(-3.5)], "-4.0"),
        ("floor", &[decimal("-119.459")], "-120"),
        ("ceil", &[decimal("-119.459")], "-119"),
        ("ceiling", &[double(-0.1)], "0"),
        ("floor", &[double(f64::NAN)], "0"),
        ("floor", &[double(1e300)], "9223372036854775807"),
        ("floor", &[long(i64::MAX - 1)], "9223372036854775806"),
    ]);
    let types = [("125.315", 2, (6, 2)), ("125.315", -1, (4, 0)), ("125.315", 4, (7, 4))];
    for (written, places, (precision, scale)) in types {
        let rounded = value(FUNCTIONS, "round", &[decimal(written), int(places)]);
        assert_eq!(rounded.ty, HiveType::decimal(precision, scale), "{written} at {places}");
    }
}

#[test]
fn digits_are_converted_as_in_hive() {
    check(&[
        ("bin", &[int(99_992_421)], "101111101011100001101100101"),
        ("bin", &[int(-5)], "1111111111111111111111111111111111111111111111111111111111111011"),
        ("hex", &[string("Facebook")], "46616365626F6F6B"),
        ("hex", &[long(4_207_849_477)], "FACEB005"),
        ("hex", &[int(-5)], "FFFFFFFFFFFFFFFB"),
        ("unhex", &[string("4D7953514C")], "4d7953514c"),
        ("unhex", &[string("123")], "0123"),
        ("unhex", &[string("MySQL")], "NULL"),
        ("conv", &[string("4521"), int(10), int(36)], "3HL"),
        ("conv", &[string("22"), int(10), int(10)], "22"),
        ("conv", &[string("110011"), int(2), int(16)], "33"),
        ("conv", &[string("facebook"), int(36), int(16)], "116ED2B2FB4"),
        ("conv", &[string("-641"), int(10), int(-10)], "-641"),
        ("conv", &[string("1011"), int(2), int(-16)], "B"),
        ("conv", &[string("-1"), int(10), int(16)], "FFFFFFFFFFFFFFFF"),
        ("conv", &[string("-15"), int(10), int(16)], "FFFFFFFFFFFFFFF1"),
        ("conv", &[string("FFFFFFFFFFFFFFFF"), int(16), int(-10)], "-1"),
        ("conv", &[string("9223372036854775808"), int(10), int(16)], "8000000000000000"),
        ("conv", &[string("9223372036854775807"), int(36), int(16)], "FFFFFFFFFFFFFFFF"),
        ("conv", &[string("9223372036854775807"), int(36), int(-16)], "-1"),
        ("conv", &[string("-9223372036854775807"), int(36), int(16)], "FFFFFFFFFFFFFFFF"),
        ("conv", &[string("123455"), int(3), int(10)], "5"),
        ("conv", &[string("515"), int(5), int(100)], "NULL"),
        ("conv", &[string("131"), int(1), int(5)], "NULL"),
        ("conv", &[string(""), int(10), int(16)], "NULL"),
    ]);
}

#[test]
fn bits_are_shifted_by_what_the_type_allows() {
    check(&[
        ("shiftright", &[tiny(-128), int(32)], "-128"),
        ("shiftright", &[int(1024), int(33)], "512"),
        ("shiftright", &[int(1024), int(-2)], "0"),
        ("shiftright", &[long(i64::MIN), int(63)], "-1"),
        ("shiftrightunsigned", &[int(-1), int(28)], "15"),
        ("shiftleft", &[int(1), int(31)], "-2147483648"),
        ("shiftleft", &[long(1), int(63)], "-9223372036854775808"),
        ("factorial", &[int(20)], "2432902008176640000"),
        ("factorial", &[int(21)], "NULL"),
        ("factorial", &[int(-1)], "NULL"),
    ]);
}

#[test]
fn the_least_and_the_greatest_are_null_where_one_value_is() {
    check(&[
        ("least", &[string("C"), string("a"), string("B")], "B"),
        ("least", &[int(1), void(), int(2)], "NULL"),
        ("least", &[tiny(-101), small(101), int(100), long(-100)], "-101"),
        ("least", &[long(10), string("a"), date("2001-01-28")], "10"),
        ("greatest", &[decimal("11.4"), decimal("13.55")], "13.55"),
        ("greatest", &[double(1.5), double(f64::NAN)], "NaN"),
        ("greatest", &[date("2001-01-28"), date("2001-01-27")], "2001-01-28"),
    ]);
}

#[test]
fn ranges_are_numbered_from_one() {
    check(&[
        ("width_bucket", &[int(1), int(5), int(25), int(4)], "0"),
        ("width_bucket", &[int(20), int(5), int(25), int(4)], "4"),
        ("width_bucket", &[int(30), int(5), int(25), int(4)], "5"),
        ("width_bucket", &[int(10), int(25), int(5), int(4)], "4"),
        ("width_bucket", &[decimal("0.3456"), int(0), int(1), int(10)], "4"),
        ("width_bucket", &[decimal("0.25"), int(1), int(0), int(10)], "8"),
        ("width_bucket", &[double(7.25), int(5), long(10), int(10)], "5"),
        ("width_bucket", &[double(7.25), float(4.5), long(10), int(10)], "6"),
        ("width_bucket", &[int(1), void(), int(25), int(4)], "NULL"),
    ]);
}

#[test]
fn hashes_are_those_of_hives_tests() {
    check(&[
        ("hash", &[tiny(1)], "1"),
        ("hash", &[long(123_456_789_012)], "-1097262584"),
        ("hash", &[float(1.25)], "1067450368"),
        ("hash", &[double(16.0)], "1076887552"),
        ("hash", &[string("400")], "51508"),
        ("hash", &[string("abc")], "96354"),
        ("hash", &[arg(ScalarValue::Boolean(Some(true)))], "1"),
        ("hash", &[int(1), int(2), int(3)], "1026"),
        ("hash", &[decimal("1.50")], "466"),
        // Of the instant in the zone of the session.
        ("hash", &[timestamp("1970-01-01 00:13:55.619")], "-454742992"),
        ("murmur_hash", &[int(300_000)], "-678663480"),
        ("crc32", &[string("ABC")], "2743272264"),
        ("crc32", &[string("")], "0"),
        ("crc32", &[void()], "NULL"),
        ("bucket_number", &[int(1)], "NULL"),
    ]);
}

#[test]
fn random_numbers_with_a_seed_are_those_of_java() {
    check(&[("rand", &[int(42)], "0.7275636800328681")]);
    let free = text(FUNCTIONS, "rand", &[]).parse::<f64>().unwrap();
    assert!((0.0..1.0).contains(&free));
}

#[test]
fn every_function_says_what_it_does() {
    let mut names = std::collections::HashSet::new();
    for function in FUNCTIONS.iter().flat_map(|list| list.iter()) {
        assert!(!function.usage.is_empty(), "{}", function.name);
        for name in std::iter::once(&function.name).chain(function.aliases) {
            assert!(names.insert(*name), "{name} is there twice");
        }
    }
}

/// The session is in Los Angeles, where the clocks went forward on 2020-03-08.
#[test]
fn months_are_counted_on_the_clocks_of_the_session() {
    let instant =
        |seconds: i64| arg(ScalarValue::TimestampMicrosecond(Some(seconds * 1_000_000), Some("UTC".into())));
    let month = of_datetime("interval_year_month", "0-1");
    let day = of_datetime("interval_day_time", "1 0:0:0");
    // Noon there on 2020-03-01 and on 2020-04-01, then an hour earlier in Greenwich.
    assert_eq!(text(FUNCTIONS, "+", &[instant(1_583_092_800), month]), "2020-04-01T19:00:00Z");
    assert_eq!(text(FUNCTIONS, "+", &[instant(1_583_611_200), day.clone()]), "2020-03-08T20:00:00Z");
    assert_eq!(text(FUNCTIONS, "-", &[instant(1_583_611_200), day]), "2020-03-06T20:00:00Z");
}
