//! The name of a partition, `ds=2024-01-01/hr=%3A`, which is also its folder.

/// What stands for NULL and for the empty string.
pub const DEFAULT_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// The characters besides control characters that Hive writes as `%xx` in a name.
const ESCAPED: &str = "\"#%'*/:=?\\{[]^\u{7f}";

/// `key=value/key=value`, escaped; keys and values are of one length.
pub fn partition_name(keys: &[impl AsRef<str>], values: &[impl AsRef<str>]) -> String {
    let mut name = String::new();
    for (index, (key, value)) in keys.iter().zip(values).enumerate() {
        if index > 0 {
            name.push('/');
        }
        escape(&key.as_ref().to_lowercase(), &mut name);
        name.push('=');
        match value.as_ref() {
            "" => name.push_str(DEFAULT_PARTITION),
            value => escape(value, &mut name),
        }
    }
    name
}

/// The keys and values of a name; `None` for what is no partition's name.
pub fn partition_values(name: &str) -> Option<Vec<(String, String)>> {
    name.split('/')
        .map(|part| {
            let (key, value) = part.split_once('=')?;
            let whole = !key.is_empty() && !value.is_empty();
            whole.then(|| (unescape(key), unescape(value)))
        })
        .collect()
}

/// As Hive escapes a path: control characters and [`ESCAPED`].
pub fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        let code = u32::from(character);
        if code < 0x20 || ESCAPED.contains(character) {
            out.push_str(&format!("%{code:02X}"));
        } else {
            out.push(character);
        }
    }
}

/// The inverse of [`escape`]; a `%` that two hexadecimal digits do not follow stays.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find('%') {
        out.push_str(&rest[..position]);
        let after = &rest[position + 1..];
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(code) => {
                out.push(char::from(code));
                rest = &after[2..];
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_escaped_as_hive_does() {
        assert_eq!(
            partition_name(&["pcol1", "PCOL2"], &["new_part1:", "a/b"]),
            "pcol1=new_part1%3A/pcol2=a%2Fb"
        );
        assert_eq!(partition_name(&["ds"], &[""]), "ds=__HIVE_DEFAULT_PARTITION__");
        assert_eq!(partition_values("nothing"), None);
    }

    proptest! {
        #[test]
        fn a_name_reads_back_as_its_values(values in proptest::collection::vec("\\PC{1,12}|[%/=:\\x01-\\x1f]{1,6}", 1..4)) {
            let keys: Vec<String> = (0..values.len()).map(|index| format!("k{index}")).collect();
            let expected: Vec<_> = keys.iter().cloned().zip(values.iter().cloned()).collect();
            prop_assert_eq!(partition_values(&partition_name(&keys, &values)), Some(expected));
        }
    }
}
