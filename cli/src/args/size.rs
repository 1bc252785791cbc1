//! Sizes as people write them: `512`, `64KiB`, `1.5GiB`, `2g`.

/// Binary units; a bare number is bytes.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(split);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        other => return Err(format!("`{other}` is not a unit; write for example 512MiB or 4GiB")),
    };
    let wrong = || format!("`{text}` is not a size; write for example 512MiB or 4GiB");
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let scale = 10u128.checked_pow(u32::try_from(fraction.len()).map_err(|_| wrong())?).ok_or_else(wrong)?;
    let fraction: u128 = if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| wrong())? };
    let bytes = (u128::from(whole) << shift) + (fraction << shift) / scale;
    u64::try_from(bytes).map_err(|_| format!("`{text}` is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary() {
        let cases = [("0", 0), ("512", 512), ("64KiB", 65_536), ("1.5GiB", 3 << 29), ("2g", 2 << 30), ("3 MB", 3 << 20)];
        for (text, expected) in cases {
            assert_eq!(parse_bytes(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "GiB", "-1", "1.2.3", "4 parsecs", "99999999999T"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
