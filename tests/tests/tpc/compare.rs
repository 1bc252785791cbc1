//! Whether rows are the expected ones, in the expected order.

/// Sums of doubles depend on the order in which they are added up.
const TOLERANCE: f64 = 1e-9;

/// What differs first; `None` if nothing does.
pub fn difference(expected: &[String], found: &[String]) -> Option<String> {
    if expected.len() != found.len() {
        return Some(format!("{} rows, expected {}", found.len(), expected.len()));
    }
    let wrong = expected.iter().zip(found).position(|(expected, found)| !same_row(expected, found))?;
    Some(format!("row {wrong} is {:?}, expected {:?}", found[wrong], expected[wrong]))
}

fn same_row(expected: &str, found: &str) -> bool {
    let (expected, found): (Vec<_>, Vec<_>) = (expected.split('\t').collect(), found.split('\t').collect());
    expected.len() == found.len() && expected.iter().zip(found).all(|(expected, found)| same(expected, found))
}

/// Numbers may differ by what Hive rounds off: its quotients and averages of decimals have a fixed number of digits. CHAR
/// is printed with its blanks.
fn same(expected: &str, found: &str) -> bool {
    let (expected, found) = (expected.trim_end(), found.trim_end());
    if expected == found {
        return true;
    }
    let (Ok(left), Ok(right)) = (expected.parse::<f64>(), found.parse::<f64>()) else { return false };
    let last_digit = match found.split_once('.') {
        Some((_, fraction)) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => {
            0.1_f64.powi(fraction.len() as i32)
        }
        _ => 0.0,
    };
    (left - right).abs() <= last_digit.max(TOLERANCE * left.abs().max(right.abs()))
}
