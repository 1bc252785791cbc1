//! Types read from their text, such as `array<struct<name:string>>`. A field's name may be any text up to its colon.

use crate::types::{DECIMAL_DEFAULT, HiveType, StructField};

/// `None` where the text is no type.
pub(super) fn parse(text: &str) -> Option<HiveType> {
    let text = text.trim();
    if let Some(inner) = inside(text, "array") {
        return Some(HiveType::array(parse(inner)?));
    }
    if let Some(inner) = inside(text, "map") {
        let [key, value] = parts(inner)?.try_into().ok()?;
        return Some(HiveType::map(parse(key)?, parse(value)?));
    }
    if let Some(inner) = inside(text, "struct") {
        let fields = parts(inner)?.into_iter().map(|part| {
            let (name, ty) = part.split_once(':')?;
            Some(StructField { name: name.trim().to_lowercase(), ty: parse(ty)? })
        });
        return fields.collect::<Option<_>>().map(HiveType::Struct);
    }
    primitive(&text.to_ascii_lowercase())
}

fn primitive(text: &str) -> Option<HiveType> {
    let (name, numbers) = match text.strip_suffix(')') {
        Some(rest) => rest.split_once('(')?,
        None => (text, ""),
    };
    let mut numbers = numbers.split(',').map(str::trim);
    let first = numbers.next().unwrap_or_default();
    Some(match name.trim() {
        "boolean" => HiveType::Boolean,
        "tinyint" => HiveType::TinyInt,
        "smallint" => HiveType::SmallInt,
        "int" | "integer" => HiveType::Int,
        "bigint" => HiveType::BigInt,
        "float" => HiveType::Float,
        "double" => HiveType::Double,
        "string" => HiveType::String,
        "date" => HiveType::Date,
        "timestamp" => HiveType::Timestamp,
        "varchar" => HiveType::Varchar(first.parse().ok()?),
        "char" => HiveType::Char(first.parse().ok()?),
        "decimal" if first.is_empty() => HiveType::decimal(DECIMAL_DEFAULT.0, DECIMAL_DEFAULT.1),
        "decimal" => HiveType::decimal(first.parse().ok()?, numbers.next().unwrap_or("0").parse().ok()?),
        _ => return None,
    })
}

/// What stands between the angle brackets behind a name.
fn inside<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(name.len())?;
    let rest = rest.trim_start().strip_prefix('<')?.strip_suffix('>')?;
    start.eq_ignore_ascii_case(name).then_some(rest)
}

/// The text between commas that are in no brackets.
fn parts(text: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    parts.push(&text[start..]);
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_printed() {
        for text in [
            "array<struct<name:string,age:int,address:struct<accepts credit cards:boolean>>>",
            "map<string,array<decimal(10,2)>>",
            "varchar(3)",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        assert_eq!(parse("array<>"), None);
        assert_eq!(parse("map<string>"), None);
    }
}
