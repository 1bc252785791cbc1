//! XPath 1.0 on XML documents: the nodes that match, and the first of them as text, number or truth.

use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, scalar, text, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{
            ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
            ListBuilder, StringArray, StringBuilder,
        },
        datatypes::{DataType, Field},
    },
    common::{DataFusionError, Result as ExecutionResult},
};
use std::sync::Arc;
use uppsala::{Document, XPathEvaluator, XPathValue};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "xpath",
        &[],
        "_FUNC_(xml, xpath) - Returns a string array of values within xml nodes that match the xpath expression",
        "Example:\n  > SELECT _FUNC_('<a><b>b1</b><b>b2</b><b>b3</b><c>c1</c><c>c2</c></a>', 'a/text()') FROM src LIMIT 1;\n  []\n  > SELECT _FUNC_('<a><b>b1</b><b>b2</b><b>b3</b><c>c1</c><c>c2</c></a>', 'a/b/text()') FROM src LIMIT 1;\n  [\"b1\",\"b2\",\"b3\"]\n  > SELECT _FUNC_('<a><b>b1</b><b>b2</b><b>b3</b><c>c1</c><c>c2</c></a>', 'a/c/text()') FROM src LIMIT 1;\n  [\"c1\",\"c2\"]",
    ),
    function(
        "xpath_string",
        &[],
        "_FUNC_(xml, xpath) - Returns the text contents of the first xml node that matches the xpath expression",
        "Example:\n  > SELECT _FUNC_('<a><b>b</b><c>cc</c></a>','a/c') FROM src LIMIT 1;\n  'cc'\n  > SELECT _FUNC_('<a><b>b1</b><b>b2</b></a>','a/b') FROM src LIMIT 1;\n  'b1'\n  > SELECT _FUNC_('<a><b>b1</b><b>b2</b></a>','a/b[2]') FROM src LIMIT 1;\n  'b2'\n  > SELECT _FUNC_('<a><b>b1</b><b>b2</b></a>','a') FROM src LIMIT 1;\n  'b1b2'",
    ),
    function(
        "xpath_boolean",
        &[],
        "_FUNC_(xml, xpath) - Evaluates a boolean xpath expression",
        "Example:\n  > SELECT _FUNC_('<a><b>1</b></a>','a/b') FROM src LIMIT 1;\n  true\n  > SELECT _FUNC_('<a><b>1</b></a>','a/b = 2') FROM src LIMIT 1;\n  false",
    ),
    function(
        "xpath_short",
        &[],
        "_FUNC_(xml, xpath) - Returns a short value that matches the xpath expression",
        "Example:\n  > SELECT _FUNC_('<a><b>1</b><b>2</b></a>','sum(a/b)') FROM src LIMIT 1;\n  3",
    ),
    function(
        "xpath_int",
        &[],
        "_FUNC_(xml, xpath) - Returns an integer value that matches the xpath expression",
        "Example:\n  > SELECT _FUNC_('<a><b>1</b><b>2</b></a>','sum(a/b)') FROM src LIMIT 1;\n  3",
    ),
    function(
        "xpath_long",
        &[],
        "_FUNC_(xml, xpath) - Returns a long value that matches the xpath expression",
        "Example:\n  > SELECT _FUNC_('<a><b>1</b><b>2</b></a>','sum(a/b)') FROM src LIMIT 1;\n  3",
    ),
    function(
        "xpath_float",
        &[],
        "_FUNC_(xml, xpath) - Returns a float value that matches the xpath expression",
        "Example:\n  > SELECT _FUNC_('<a><b>1</b><b>2</b></a>','sum(a/b)') FROM src LIMIT 1;\n  3.0",
    ),
    function(
        "xpath_double",
        &["xpath_number"],
        "_FUNC_(xml, xpath) - Returns a double value that matches the xpath expression",
        "Example:\n  > SELECT _FUNC_('<a><b>1</b><b>2</b></a>','sum(a/b)') FROM src LIMIT 1;\n  3.0",
    ),
];

const fn function(
    name: &'static str,
    aliases: &'static [&'static str],
    usage: &'static str,
    extended: &'static str,
) -> ScalarFunction {
    ScalarFunction { name, aliases, usage, extended, resolve }
}

fn resolve(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    for (index, arg) in args.iter().enumerate() {
        if !arg.ty.is_text() && arg.ty != HiveType::Void {
            return Err(wrong_type(name, args, index, "string"));
        }
    }
    let takes = vec![HiveType::String, HiveType::String];
    let (returns, body): (_, Body) = match name {
        "xpath" => (HiveType::array(HiveType::String), node_lists),
        "xpath_string" => (HiveType::String, strings),
        "xpath_boolean" => (HiveType::Boolean, booleans),
        "xpath_short" => (HiveType::SmallInt, shorts),
        "xpath_int" => (HiveType::Int, ints),
        "xpath_long" => (HiveType::BigInt, longs),
        "xpath_float" => (HiveType::Float, floats),
        _ => (HiveType::Double, doubles),
    };
    Ok(scalar(name, args, takes, returns, move |columns, _| body(text(columns, 0)?, text(columns, 1)?)))
}

type Body = fn(&StringArray, &StringArray) -> ExecutionResult<ArrayRef>;

/// What `read` makes of each expression's value; `None` where the XML is NULL, empty or broken.
fn each<T>(
    documents: &StringArray,
    expressions: &StringArray,
    read: impl Fn(&XPathValue, &Document<'_>) -> T,
) -> ExecutionResult<Vec<Option<T>>> {
    let evaluator = XPathEvaluator::new();
    let evaluate = |document: Option<&str>, expression: Option<&str>| {
        let (Some(document), Some(expression)) = (document, expression) else { return Ok(None) };
        if document.is_empty() || expression.is_empty() {
            return Ok(None);
        }
        let Ok(mut document) = uppsala::parse(document) else { return Ok(None) };
        document.prepare_xpath();
        let value = evaluator
            .evaluate(&document, document.root(), expression)
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(Some(read(&value, &document)))
    };
    documents.iter().zip(expressions).map(|(document, expression)| evaluate(document, expression)).collect()
}

/// The values of the matching nodes that have one of their own: text and attributes, not elements.
fn node_lists(documents: &StringArray, expressions: &StringArray) -> ExecutionResult<ArrayRef> {
    let lists = each(documents, expressions, |value, document| {
        let nodes = value.as_node_set().iter();
        let own = nodes.filter(|node| {
            !matches!(
                document.node_kind(**node),
                Some(uppsala::NodeKind::Element(_) | uppsala::NodeKind::Document)
            )
        });
        own.map(|node| XPathValue::NodeSet(vec![*node]).to_string_value(document)).collect::<Vec<_>>()
    })?;
    let item = Field::new("item", DataType::Utf8, true);
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(item);
    for list in lists {
        match list {
            Some(values) => builder.append_value(values.into_iter().map(Some)),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn strings(documents: &StringArray, expressions: &StringArray) -> ExecutionResult<ArrayRef> {
    let values = each(documents, expressions, |value, document| value.to_string_value(document))?;
    Ok(Arc::new(StringArray::from_iter(values)))
}

fn booleans(documents: &StringArray, expressions: &StringArray) -> ExecutionResult<ArrayRef> {
    let values = each(documents, expressions, |value, _| value.to_boolean())?;
    Ok(Arc::new(BooleanArray::from_iter(values)))
}

/// As Java narrows: what is no number is 0, what is too great is the greatest.
fn shorts(documents: &StringArray, expressions: &StringArray) -> ExecutionResult<ArrayRef> {
    let values = each(documents, expressions, |value, document| value.to_number(document) as i32 as i16)?;
    Ok(Arc::new(Int16Array::from_iter(values)))
}

fn ints(documents: &StringArray, expressions: &StringArray) -> ExecutionResult<ArrayRef> {
    let values = each(documents, expressions, |value, document| value.to_number(document) as i32)?;
    Ok(Arc::new(Int32Array::from_iter(values)))
}

fn longs(documents: &StringArray, expressions: &StringArray) -> ExecutionResult<ArrayRef> {
    let values = each(documents, expressions, |value, document| value.to_number(document) as i64)?;
    Ok(Arc::new(Int64Array::from_iter(values)))
}

fn floats(documents: &StringArray, expressions: &StringArray) -> ExecutionResult<ArrayRef> {
    let values = each(documents, expressions, |value, document| value.to_number(document) as f32)?;
    Ok(Arc::new(Float32Array::from_iter(values)))
}

fn doubles(documents: &StringArray, expressions: &StringArray) -> ExecutionResult<ArrayRef> {
    let values = each(documents, expressions, |value, document| value.to_number(document))?;
    Ok(Arc::new(Float64Array::from_iter(values)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Array, AsArray};
    use datafusion::arrow::datatypes::{Float64Type, Int32Type};

    const NUMBERS: &str =
        "<a><b class=\"odd\">1</b><b class=\"even\">2</b><b class=\"odd\">4</b><c>8</c></a>";

    fn columns(document: &str, expression: &str) -> (StringArray, StringArray) {
        (StringArray::from(vec![document]), StringArray::from(vec![expression]))
    }

    #[test]
    fn numbers_are_read_as_hive_reads_them() {
        for (document, expression, double, int) in [
            ("<a>this is not a number</a>", "a", f64::NAN, 0),
            ("<a><b>2000000000</b><c>40000000000</c></a>", "a/b * a/c", 8e19, i32::MAX),
            ("<a>try a boolean</a>", "a = 10", 0.0, 0),
            (NUMBERS, "a/b", 1.0, 1),
            (NUMBERS, "sum(a/*)", 15.0, 15),
            (NUMBERS, "sum(a/b[@class=\"odd\"])", 5.0, 5),
        ] {
            let (documents, expressions) = columns(document, expression);
            let found = doubles(&documents, &expressions).unwrap();
            let found = found.as_primitive::<Float64Type>().value(0);
            assert!(found == double || (found.is_nan() && double.is_nan()), "{expression}: {found}");
            assert_eq!(ints(&documents, &expressions).unwrap().as_primitive::<Int32Type>().value(0), int);
        }
    }

    #[test]
    fn nodes_are_listed_by_their_own_text() {
        const XML: &str = "<a><b class=\"bb\">b1</b><b>b2</b><b>b3</b><c class=\"bb\">c1</c><c>c2</c></a>";
        for (expression, expected) in [
            ("a/text()", vec![]),
            ("a/*/text()", vec!["b1", "b2", "b3", "c1", "c2"]),
            ("a/b/text()", vec!["b1", "b2", "b3"]),
            ("a/*[@class=\"bb\"]/text()", vec!["b1", "c1"]),
            ("//@class", vec!["bb", "bb"]),
        ] {
            let (documents, expressions) = columns(XML, expression);
            let lists = node_lists(&documents, &expressions).unwrap();
            let found = lists.as_list::<i32>().value(0);
            assert_eq!(
                found.as_string::<i32>().iter().flatten().collect::<Vec<_>>(),
                expected,
                "{expression}"
            );
        }
    }

    #[test]
    fn broken_xml_is_null() {
        let (documents, expressions) = columns("<a><b></a>", "a");
        assert!(strings(&documents, &expressions).unwrap().is_null(0));
    }
}
