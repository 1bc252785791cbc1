//! Numbers in text as `Double.parseDouble` of Java reads them.

/// `None` for what is no number. Hexadecimal floating point is not read.
pub(super) fn parse_double(text: &str) -> Option<f64> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        "NaN" => return Some(f64::NAN),
        "Infinity" => return text.parse().ok(),
        // Rust reads words such as `inf` that Java does not.
        _ if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') => return None,
        _ => {}
    }
    let digits = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_java_reads_it() {
        let cases = [
            (" 12 ", Some(12.0)),
            ("1e3", Some(1000.0)),
            ("-.5", Some(-0.5)),
            ("5.", Some(5.0)),
            ("1d", Some(1.0)),
            ("2.5F", Some(2.5)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("inf", None),
            ("nan", None),
            ("infinity", None),
            ("", None),
            ("a", None),
            ("1 2", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_double(text), expected, "{text:?}");
        }
        assert!(parse_double("NaN").is_some_and(f64::is_nan));
    }
}
