//! Input made from a seed, and the obvious way to count its words.

use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::collections::BTreeMap;

/// About `bytes` bytes of lines with words of a skewed vocabulary; the same for the same seed.
pub fn words(seed: u64, bytes: usize) -> String {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut text = String::with_capacity(bytes + 128);
    while text.len() < bytes {
        for _ in 0..random.random_range(0..14) {
            let rank = (1.0 / random.random_range(0.0005..1.0_f64)) as u32;
            text.push_str(&format!("w{rank}"));
            text.push(if random.random_bool(0.05) { '\t' } else { ' ' });
        }
        text.push('\n');
    }
    text
}

/// Words and how often they occur, as the WordCount job must have it.
pub fn count(texts: &[&str]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for word in texts.iter().flat_map(|text| text.split_whitespace()) {
        *counts.entry(word.to_owned()).or_default() += 1;
    }
    counts
}

/// `key<TAB>number` lines as a map; a key that occurs twice or a line of another form fails the test.
pub fn parse_counts(output: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in output.lines() {
        let (word, number) = line.split_once('\t').unwrap_or_else(|| panic!("not KEY<TAB>NUMBER: {line:?}"));
        let before = counts.insert(word.to_owned(), number.trim().parse().expect("a number"));
        assert!(before.is_none(), "{word:?} is in the output twice");
    }
    counts
}
