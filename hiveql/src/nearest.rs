//! The name that may be meant by one that is not there.

use datafusion::common::utils::datafusion_strsim::levenshtein;

/// The name that takes the fewest changes, if few do.
pub fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (written.chars().count() / 2).min(2);
    let distance = |name: &&str| levenshtein(name, written);
    names.filter(|name| (1..=most).contains(&distance(name))).min_by_key(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_must_be_nearer_than_long_ones() {
        let names = ["k", "logs", "lag", "partitions"];
        let near = |written| nearest(written, names.iter().copied());
        assert_eq!(
            (near("log"), near("partitons"), near("paritioms")),
            (Some("logs"), Some("partitions"), None)
        );
        assert_eq!((near("t"), near("tt"), near("logs")), (None, None, None));
    }
}
