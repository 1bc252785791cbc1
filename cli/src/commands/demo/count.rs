//! Counting words plainly, in one process and in memory: what the cluster's result is compared with. As the WordCount job
//! does, it takes ASCII white space as what separates words.

use std::collections::HashMap;

pub type Counts = HashMap<String, u64>;

pub fn count(pieces: &[String]) -> Counts {
    let mut counts = Counts::new();
    for word in pieces.iter().flat_map(|piece| piece.split_ascii_whitespace()) {
        match counts.get_mut(word) {
            Some(count) => *count += 1,
            None => {
                counts.insert(word.to_owned(), 1);
            }
        }
    }
    counts
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CountError {
    #[error("line {number} of the output is not WORD<TAB>COUNT: `{line}`")]
    BadLine { number: usize, line: String },
    #[error("`{word}` is in the output twice")]
    Twice { word: String },
    #[error("`{word}` was counted {found} times, it is there {expected} times")]
    Wrong { word: String, found: u64, expected: u64 },
}

/// Reads `WORD<TAB>COUNT` lines.
pub fn parse(output: &str) -> Result<Counts, CountError> {
    let mut counts = Counts::new();
    // Words may hold any letter but white space: only newlines end a line.
    for (index, line) in output.split('\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let bad = || CountError::BadLine { number: index + 1, line: line.to_owned() };
        let (word, count) = line.split_once('\t').ok_or_else(bad)?;
        if counts.insert(word.to_owned(), count.parse().map_err(|_| bad())?).is_some() {
            return Err(CountError::Twice { word: word.to_owned() });
        }
    }
    Ok(counts)
}

/// The first difference, if there is one.
pub fn compare(found: &Counts, expected: &Counts) -> Result<(), CountError> {
    let differs = |word: &String| {
        let count = |counts: &Counts| counts.get(word).copied().unwrap_or(0);
        let (found, expected) = (count(found), count(expected));
        (found != expected).then(|| CountError::Wrong { word: word.clone(), found, expected })
    };
    match expected.keys().chain(found.keys()).find_map(differs) {
        Some(difference) => Err(difference),
        None => Ok(()),
    }
}

/// The most frequent words, then in the order of letters.
pub fn top(counts: &Counts, limit: usize) -> Vec<(&str, u64)> {
    let mut all: Vec<(&str, u64)> = counts.iter().map(|(word, count)| (word.as_str(), *count)).collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    all.truncate(limit);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_and_the_most_frequent_come_first() {
        let counts = count(&["a b a\n".to_owned(), "b\tc a".to_owned()]);
        assert_eq!(top(&counts, 2), [("a", 3), ("b", 2)]);
        assert_eq!(compare(&parse("a\t3\nb\t2\nc\t1\n").unwrap(), &counts), Ok(()));
    }

    #[test]
    fn any_difference_is_found() {
        let expected = count(&["a b a".to_owned()]);
        for output in ["a\t2\n", "a\t2\nb\t2\n", "a\t2\nb\t1\nc\t1\n"] {
            assert!(compare(&parse(output).unwrap(), &expected).is_err(), "{output}");
        }
        assert!(parse("a\t1\na\t1\n").is_err());
        assert!(parse("a 1\n").is_err());
    }
}
