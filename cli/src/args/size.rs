//! Sizes on the command line: the same as in job settings.

/// `512`, `64KiB`, `1.5GiB`, `2g`.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    skep_jobs::conf::parse_size(text)
        .ok_or_else(|| format!("`{text}` is not a size; write for example 512MiB or 4GiB"))
}
