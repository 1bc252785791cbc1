//! A command's text as the words of a command line.

/// Split as Hive does: blanks separate, quotes hold blanks together, and where a quote begins or ends a word ends too.
/// There are no escapes; a tab is a character like others.
pub(super) fn split(command: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut quote = None;
    let mut start = 0;
    for (at, character) in command.char_indices() {
        let ends = match (quote, character) {
            (None, '\'' | '"') => {
                quote = Some(character);
                true
            }
            (Some(open), _) if open == character => {
                quote = None;
                true
            }
            (None, ' ') => true,
            _ => false,
        };
        if ends {
            words.extend(command.get(start..at).filter(|word| !word.is_empty()));
            start = at + character.len_utf8();
        }
    }
    words.extend(command.get(start..).filter(|word| !word.is_empty()));
    words
}

/// A setting's name as that of a variable of the environment: what is no letter and no digit becomes `_`.
pub(super) fn variable(setting: &str) -> String {
    setting.chars().map(|part| if part.is_ascii_alphanumeric() { part } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_separate_and_quotes_hold_together() {
        assert_eq!(split("tr \t _"), ["tr", "\t", "_"]);
        assert_eq!(split("  awk '{print $1 \"x\"}'  -v \"a b\" "), ["awk", "{print $1 \"x\"}", "-v", "a b"]);
        assert_eq!(split("a'b c'd"), ["a", "b c", "d"]);
        assert_eq!(split(""), [""; 0]);
    }

    #[test]
    fn settings_become_variables() {
        assert_eq!(variable("hive.exec.script-1"), "hive_exec_script_1");
    }
}
