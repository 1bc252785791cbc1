//! Patterns of paths: braces, wildcards and what they match. Knows no store.
//!
//! `{a,b}` is expanded first and may reach over `/`; then each `/`-separated part is matched on its own: `*`, `?`, `[a-z]`,
//! `[!a-z]` (or `[^a-z]`), `\x` for a plain `x`, and `**` alone for any number of directories.

use glob::Pattern;

/// So many paths one pattern's braces may stand for.
const ALTERNATIVES_MAX: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    #[error("a `{{` in it is not closed")]
    OpenBrace,
    #[error("its braces stand for more than {ALTERNATIVES_MAX} paths")]
    TooMany,
    #[error("{0}")]
    Pattern(String),
}

/// One part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Exactly this name.
    Name(String),
    /// Every name that matches; hidden ones only if the pattern itself begins with their first letter.
    Matching { pattern: Pattern, shows: Option<char> },
    /// `**`: any number of directories, also none.
    AnyDepth,
}

/// A pattern cut where its first wildcard is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    /// Plain text before the first part with a wildcard.
    pub base: String,
    pub parts: Vec<Part>,
}

/// Names that Hadoop's inputs pass over.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

impl Part {
    fn parse(text: &str) -> Result<Part, GlobError> {
        if text == "**" {
            return Ok(Part::AnyDepth);
        }
        if !has_wildcard(text) {
            return Ok(Part::Name(text.to_owned()));
        }
        let pattern =
            Pattern::new(&translate(text)).map_err(|error| GlobError::Pattern(error.to_string()))?;
        Ok(Part::Matching { pattern, shows: text.chars().next().filter(|first| ['_', '.'].contains(first)) })
    }

    /// Whether a name matches, hidden or not: what a file shell means by a pattern.
    pub fn matches_hidden_too(&self, name: &str) -> bool {
        match self {
            Part::Name(exactly) => exactly == name,
            Part::AnyDepth => true,
            Part::Matching { pattern, .. } => pattern.matches(name),
        }
    }

    /// Whether a name matches; `AnyDepth` matches every visible one.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Part::Name(exactly) => exactly == name,
            Part::AnyDepth => !is_hidden(name),
            Part::Matching { pattern, shows } => {
                (!is_hidden(name) || shows.is_some_and(|first| name.starts_with(first)))
                    && pattern.matches(name)
            }
        }
    }
}

impl Glob {
    /// Parses one alternative; `text` has no braces any more.
    pub fn parse(text: &str) -> Result<Glob, GlobError> {
        let Some(wildcard) = first_wildcard(text) else {
            return Ok(Glob { base: text.to_owned(), parts: Vec::new() });
        };
        let cut = text[..wildcard].rfind('/').map_or(0, |slash| slash + 1);
        let (base, rest) = text.split_at(cut);
        let parts =
            rest.split('/').filter(|part| !part.is_empty()).map(Part::parse).collect::<Result<_, _>>()?;
        let base = if base.is_empty() { "." } else { base };
        Ok(Glob { base: base.to_owned(), parts })
    }
}

fn has_wildcard(text: &str) -> bool {
    first_wildcard(text).is_some()
}

fn first_wildcard(text: &str) -> Option<usize> {
    text.find(['*', '?', '[', '\\'])
}

/// From Hadoop's spelling to the matcher's.
fn translate(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some(plain) => out.push_str(&Pattern::escape(plain.encode_utf8(&mut [0; 4]))),
                None => out.push('\\'),
            },
            '[' => {
                out.push('[');
                if letters.next_if_eq(&'^').is_some() {
                    out.push('!');
                }
            }
            // Within one part two stars mean what one does.
            '*' if out.ends_with('*') => {}
            other => out.push(other),
        }
    }
    out
}

/// All texts that the braces stand for, in order. A `,` or `}` outside braces is plain text.
pub fn expand_braces(text: &str) -> Result<Vec<String>, GlobError> {
    let Some((before, alternatives, after)) = first_brace(text)? else {
        return Ok(vec![text.to_owned()]);
    };
    let rests = expand_braces(after)?;
    let mut all = Vec::new();
    for alternative in alternatives {
        for middle in expand_braces(alternative)? {
            for rest in &rests {
                if all.len() >= ALTERNATIVES_MAX {
                    return Err(GlobError::TooMany);
                }
                all.push(format!("{before}{middle}{rest}"));
            }
        }
    }
    Ok(all)
}

type Brace<'a> = (&'a str, Vec<&'a str>, &'a str);

/// Text before the first brace, what stands in it, text after it.
fn first_brace(text: &str) -> Result<Option<Brace<'_>>, GlobError> {
    let Some(open) = find_plain(text, '{') else { return Ok(None) };
    let inside = open + 1;
    let (mut depth, mut start, mut escaped) = (1, inside, false);
    let mut alternatives = Vec::new();
    for (at, letter) in text[inside..].char_indices().map(|(at, letter)| (inside + at, letter)) {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match letter {
            '\\' => escaped = true,
            '{' => depth += 1,
            ',' if depth == 1 => {
                alternatives.push(&text[start..at]);
                start = at + 1;
            }
            '}' if depth == 1 => {
                alternatives.push(&text[start..at]);
                return Ok(Some((&text[..open], alternatives, &text[at + 1..])));
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    Err(GlobError::OpenBrace)
}

/// The first such letter that no `\` stands before.
fn find_plain(text: &str, wanted: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices()
        .find(|(_, letter)| {
            let is_plain = !std::mem::take(&mut escaped);
            escaped = is_plain && *letter == '\\';
            is_plain && *letter == wanted
        })
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Part::parse(pattern).unwrap().matches(name)
    }

    #[test]
    fn braces_stand_for_each_of_their_alternatives() {
        assert_eq!(expand_braces("/a/{b,c/d}/e").unwrap(), ["/a/b/e", "/a/c/d/e"]);
        assert_eq!(expand_braces("{1,2}{x,{y,z}}").unwrap(), ["1x", "1y", "1z", "2x", "2y", "2z"]);
        assert_eq!(expand_braces("{a,}b").unwrap(), ["ab", "b"]);
        assert_eq!(expand_braces("a,b}").unwrap(), ["a,b}"]);
        assert_eq!(expand_braces(r"a\{b,c}").unwrap(), [r"a\{b,c}"]);
        assert_eq!(expand_braces("a{b"), Err(GlobError::OpenBrace));
        assert_eq!(expand_braces(&"{a,b,c,d,e,f,g,h,i,j}".repeat(9)), Err(GlobError::TooMany));
    }

    #[test]
    fn wildcards_match_within_one_name() {
        assert!(matches("part-*", "part-00000"));
        assert!(matches("a?c", "abc") && !matches("a?c", "ac"));
        assert!(matches("[a-c]1", "b1") && !matches("[a-c]1", "d1"));
        assert!(matches("[^a-c]1", "d1") && !matches("[!a-c]1", "b1"));
        assert!(matches(r"a\*b*", "a*bc") && !matches(r"a\*b*", "axbc"));
        assert!(matches("a**b", "axxb"));
    }

    #[test]
    fn hidden_names_match_only_when_the_pattern_shows_that_it_means_them() {
        assert!(!matches("*", "_SUCCESS") && !matches("*", ".tmp") && !matches("?SUCCESS", "_SUCCESS"));
        assert!(matches("_S*", "_SUCCESS") && matches(".t*", ".tmp") && matches("_logs", "_logs"));
    }

    #[test]
    fn a_pattern_is_cut_before_its_first_wildcard() {
        let base = |text| Glob::parse(text).unwrap().base;
        assert_eq!(base("/a/b/c*/d"), "/a/b/");
        assert_eq!(base("/*"), "/");
        assert_eq!(base("*.txt"), ".");
        assert_eq!(base("s3://bucket/*.txt"), "s3://bucket/");
        assert_eq!(base("file:///*"), "file:///");
        assert_eq!(base("/plain/path"), "/plain/path");
        let parts = Glob::parse("/a/**/x?/y").unwrap().parts;
        assert!(matches!(parts[..], [Part::AnyDepth, Part::Matching { .. }, Part::Name(_)]), "{parts:?}");
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused_without_a_panic(text in r"[a-c*?\[\]{},/\\^!-]{0,24}") {
            if let Ok(alternatives) = expand_braces(&text) {
                for alternative in alternatives {
                    let _ = Glob::parse(&alternative);
                }
            }
        }

        #[test]
        fn text_without_special_letters_stands_for_itself(text in "/[a-z0-9./_-]{0,30}") {
            prop_assert_eq!(expand_braces(&text).unwrap(), vec![text.clone()]);
            let glob = Glob::parse(&text).unwrap();
            prop_assert!(glob.parts.is_empty());
            prop_assert_eq!(glob.base, text);
        }

        #[test]
        fn an_escaped_name_matches_itself_only(name in r"[a-z*?\[\]]{1,8}", other in r"[a-z*?\[\]]{1,8}") {
            let escaped: String = name.chars().flat_map(|letter| ['\\', letter]).collect();
            let part = Part::parse(&escaped).unwrap();
            prop_assert!(part.matches(&name));
            prop_assert_eq!(part.matches(&other), name == other);
        }
    }
}
