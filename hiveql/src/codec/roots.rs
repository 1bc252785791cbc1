//! Where a store begins, in the form that stores are resolved by.

/// `file:/` and `hdfs:/` are how Hive shows what others write `file:///` and `hdfs:///`.
pub fn root_of(prefix: &str) -> String {
    match prefix.split_once(':') {
        Some((scheme, rest)) if !rest.starts_with("//") => format!("{scheme}:///"),
        _ if prefix.is_empty() => "/".to_owned(),
        Some((_, rest)) if !rest[2..].contains('/') => format!("{prefix}/"),
        _ => prefix.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::root_of;

    #[test]
    fn every_way_to_write_a_root_is_one_that_stores_resolve() {
        for (given, expected) in [
            ("hdfs://host:7077/", "hdfs://host:7077/"),
            ("hdfs://host", "hdfs://host/"),
            ("file:/", "file:///"),
            ("file:///", "file:///"),
            ("s3://bucket/", "s3://bucket/"),
            ("", "/"),
        ] {
            assert_eq!(root_of(given), expected);
        }
    }
}
