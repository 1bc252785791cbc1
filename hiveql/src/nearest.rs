//! The name that may be meant by one that is not there.

use datafusion::common::utils::datafusion_strsim::levenshtein;

/// The name that takes the fewest changes, if few do.
pub fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // More than every third letter wrong is another word, and so is one with nothing left of it.
    let letters = written.chars().count();
    let most = (letters / 3).max(1).min(letters.saturating_sub(1));
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
            (near("log"), near("partitons"), near("ptitoms")),
            (Some("logs"), Some("partitions"), None)
        );
        assert_eq!((near("t"), near("logs"), near("ages")), (None, None, None));
    }
}
