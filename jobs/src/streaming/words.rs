//! Splits a command line into words the way Hadoop Streaming does: at blanks outside of single or double quotes. There is no
//! other quoting: a backslash is a backslash.

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    #[error("the command `{0}` has an opening quote without a closing one")]
    OpenQuote(String),
    #[error("a command is empty")]
    Empty,
}

pub fn split(command: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for letter in command.chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err(WordsError::OpenQuote(command.to_owned()));
    }
    words.extend(word);
    if words.is_empty() { Err(WordsError::Empty) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_at_blanks_outside_of_quotes() {
        assert_eq!(split("python3  mapper.py -x").unwrap(), ["python3", "mapper.py", "-x"]);
        assert_eq!(split(r#"tr " " "\n""#).unwrap(), ["tr", " ", "\\n"]);
        assert_eq!(
            split("sh -c 'echo \"a b\" >&2; exit 7'").unwrap(),
            ["sh", "-c", "echo \"a b\" >&2; exit 7"]
        );
        assert_eq!(split("awk '' a''b").unwrap(), ["awk", "", "ab"]);
    }

    #[test]
    fn open_quotes_and_empty_commands_are_refused() {
        assert!(matches!(split("sh -c 'x"), Err(WordsError::OpenQuote(_))));
        assert_eq!(split("  "), Err(WordsError::Empty));
    }
}
