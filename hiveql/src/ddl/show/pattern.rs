//! The patterns of SHOW ... LIKE: `*` and `%` for any characters, `_` for one, `|` between alternatives, in any case.

use regex::Regex;

/// `None`: a pattern that cannot be built, which nothing matches.
pub struct Pattern(Option<Regex>);

impl Pattern {
    pub fn new(text: &str) -> Pattern {
        let alternatives: Vec<String> = text.split('|').map(alternative).collect();
        Pattern(Regex::new(&format!("(?is)^(?:{})$", alternatives.join("|"))).ok())
    }

    pub fn matches(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|regex| regex.is_match(name))
    }
}

fn alternative(text: &str) -> String {
    let mut regex = String::new();
    let mut characters = text.trim().chars();
    while let Some(character) = characters.next() {
        match character {
            '*' | '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            '\\' => regex.extend(characters.next().map(|next| regex::escape(&next.to_string()))),
            other => regex.push_str(&regex::escape(&other.to_string())),
        }
    }
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_bars_match_as_in_hive() {
        assert!(Pattern::new("col*").matches("COL1") && Pattern::new("col1|cola").matches("cola"));
        assert!(!Pattern::new("col+").matches("col1") && !Pattern::new("nomatch").matches("col1"));
        assert!(Pattern::new("jsontab%").matches("jsontable"));
    }
}
