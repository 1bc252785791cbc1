//! When the rows of a statement are those that Hive printed.

use super::corpus::{Compare, Statement};
use serde_json::Value;

/// Digits up to which numbers compare within a tolerance; longer ones are decimals and compare as text.
const FLOAT_DIGITS_MAX: usize = 17;
const TOLERANCE: f64 = 1e-9;

#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Right,
    /// What is the matter.
    Wrong(String),
}

/// Compares the printed lines with those of the test.
pub fn judge(statement: &Statement, found: &[String]) -> Verdict {
    let is_blank_free = describes(&statement.sql);
    let (expect, found) = match is_blank_free {
        true => (without_blanks(&statement.expect), without_blanks(found)),
        false => (statement.expect.clone(), found.to_vec()),
    };
    match statement.compare {
        Compare::None => Verdict::Right,
        Compare::Count if expect.len() == found.len() => Verdict::Right,
        Compare::Count => Verdict::Wrong(format!("{} rows, expected {}", found.len(), expect.len())),
        Compare::Multiset => multiset(statement, &expect, &found),
        Compare::Ordered => ordered(statement, &expect, &found),
    }
}

/// DESCRIBE and SHOW: blanks around a column and empty lines do not count.
fn describes(sql: &str) -> bool {
    let first = sql.split_whitespace().next().unwrap_or_default().to_lowercase();
    matches!(first.as_str(), "describe" | "desc" | "show")
}

fn without_blanks(lines: &[String]) -> Vec<String> {
    let trim =
        |line: &String| line.split('\t').map(str::trim).collect::<Vec<_>>().join("\t").trim().to_owned();
    lines.iter().map(trim).filter(|line| !line.is_empty()).collect()
}

fn multiset(statement: &Statement, expect: &[String], found: &[String]) -> Verdict {
    if expect.len() != found.len() {
        return Verdict::Wrong(format!("{} rows, expected {}", found.len(), expect.len()));
    }
    let mut left: Vec<&String> = expect.iter().collect();
    let mut odd: Vec<&String> = Vec::new();
    let mut by_text: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    for line in &left {
        *by_text.entry(line.as_str()).or_default() += 1;
    }
    for line in found {
        match by_text.get_mut(line.as_str()) {
            Some(count) if *count > 0 => *count -= 1,
            _ => odd.push(line),
        }
    }
    left.retain(|line| match by_text.get_mut(line.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    });
    for line in odd {
        match left.iter().position(|expected| same_row(statement, expected, line)) {
            Some(index) => {
                left.swap_remove(index);
            }
            None => {
                let missing = left.first().map(|line| line.as_str()).unwrap_or_default();
                return Verdict::Wrong(format!("unexpected row {line:?}; for example missing: {missing:?}"));
            }
        }
    }
    Verdict::Right
}

fn ordered(statement: &Statement, expect: &[String], found: &[String]) -> Verdict {
    if expect.len() != found.len() {
        return Verdict::Wrong(format!("{} rows, expected {}", found.len(), expect.len()));
    }
    let Some(columns) = &statement.sort_columns else {
        return match expect.iter().zip(found).position(|(expect, found)| !same_row(statement, expect, found))
        {
            None => Verdict::Right,
            Some(row) => Verdict::Wrong(format!("row {row} is {:?}, expected {:?}", found[row], expect[row])),
        };
    };
    let key = |line: &str| -> Vec<String> {
        let cells: Vec<&str> = line.split('\t').collect();
        columns.iter().map(|column| cells.get(*column).copied().unwrap_or_default().to_owned()).collect()
    };
    for (row, (expected, line)) in expect.iter().zip(found).enumerate() {
        let same =
            key(expected).iter().zip(key(line)).all(|(left, right)| same_cell(statement, left, &right));
        if !same {
            return Verdict::Wrong(format!("the key of row {row} is {line:?}, expected {expected:?}"));
        }
    }
    let (mut expect, mut found) = (expect.to_vec(), found.to_vec());
    if let (true, Some(last)) = (statement.limit_cut, expect.last().map(|line| key(line))) {
        let ties = expect.iter().rev().take_while(|line| key(line) == last).count();
        expect.truncate(expect.len() - ties);
        found.truncate(found.len() - ties);
    }
    multiset(statement, &expect, &found)
}

fn same_row(statement: &Statement, left: &str, right: &str) -> bool {
    if left == right {
        return true;
    }
    let (lefts, rights): (Vec<_>, Vec<_>) = (left.split('\t').collect(), right.split('\t').collect());
    lefts.len() == rights.len()
        && lefts.iter().zip(rights).all(|(left, right)| same_cell(statement, left, right))
}

fn same_cell(statement: &Statement, left: &str, right: &str) -> bool {
    if left == right || same_number(left, right) {
        return true;
    }
    let is_nested = |text: &str| text.starts_with(['[', '{']);
    if !is_nested(left) || !is_nested(right) {
        return false;
    }
    match (serde_json::from_str::<Value>(left), serde_json::from_str::<Value>(right)) {
        (Ok(left), Ok(right)) => same_value(&left, &right, statement.unordered_arrays),
        _ => false,
    }
}

fn same_number(left: &str, right: &str) -> bool {
    let fraction = |text: &str| {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        text.contains(['.', 'e', 'E']) && digits > 0 && digits <= FLOAT_DIGITS_MAX
    };
    if !fraction(left) || !fraction(right) {
        return false;
    }
    match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(left), Ok(right)) => close(left, right),
        _ => false,
    }
}

fn close(left: f64, right: f64) -> bool {
    left == right || (left - right).abs() <= TOLERANCE * left.abs().max(right.abs())
}

fn same_value(left: &Value, right: &Value, unordered: bool) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || close(left.as_f64().unwrap_or(f64::NAN), right.as_f64().unwrap_or(f64::NAN))
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            if !unordered {
                return left.iter().zip(right).all(|(left, right)| same_value(left, right, unordered));
            }
            let mut rest: Vec<&Value> = right.iter().collect();
            left.iter().all(|left| {
                let place = rest.iter().position(|right| same_value(left, right, unordered));
                place.map(|place| rest.swap_remove(place)).is_some()
            })
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| {
                    right.get(key).is_some_and(|other| same_value(value, other, unordered))
                })
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(compare: Compare, expect: &[&str]) -> Statement {
        Statement {
            sql: "SELECT 1".into(),
            compare,
            expect: expect.iter().map(|line| (*line).to_owned()).collect(),
            sort_columns: None,
            limit_cut: false,
            unordered_arrays: false,
        }
    }

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn a_multiset_is_right_in_any_order_and_wrong_with_another_row() {
        let rows = statement(Compare::Multiset, &["a\t1", "b\t2", "b\t2"]);
        assert_eq!(judge(&rows, &lines(&["b\t2", "a\t1", "b\t2"])), Verdict::Right);
        assert_ne!(judge(&rows, &lines(&["b\t2", "a\t1", "a\t1"])), Verdict::Right);
        assert_ne!(judge(&rows, &lines(&["b\t2", "a\t1"])), Verdict::Right);
    }

    #[test]
    fn fractions_compare_within_a_tolerance_and_whole_numbers_do_not() {
        let rows = statement(Compare::Multiset, &["0.1", "12"]);
        assert_eq!(judge(&rows, &lines(&["0.1000000000000001", "12"])), Verdict::Right);
        assert_ne!(judge(&rows, &lines(&["0.11", "12"])), Verdict::Right);
        assert_ne!(judge(&rows, &lines(&["0.1", "13"])), Verdict::Right);
    }

    #[test]
    fn ties_may_come_in_any_order_and_keys_may_not() {
        let mut rows = statement(Compare::Ordered, &["1\ta", "1\tb", "2\tc"]);
        rows.sort_columns = Some(vec![0]);
        assert_eq!(judge(&rows, &lines(&["1\tb", "1\ta", "2\tc"])), Verdict::Right);
        assert_ne!(judge(&rows, &lines(&["2\tc", "1\ta", "1\tb"])), Verdict::Right);
        rows.limit_cut = true;
        assert_eq!(judge(&rows, &lines(&["1\tb", "1\ta", "2\tanother"])), Verdict::Right);
    }

    #[test]
    fn nested_values_compare_as_json() {
        let rows = statement(Compare::Multiset, &[r#"{"a":1,"b":[1,2]}"#]);
        assert_eq!(judge(&rows, &lines(&[r#"{"b":[1,2],"a":1}"#])), Verdict::Right);
        assert_ne!(judge(&rows, &lines(&[r#"{"b":[2,1],"a":1}"#])), Verdict::Right);
    }
}
