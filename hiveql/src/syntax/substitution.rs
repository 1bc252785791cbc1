//! The substitution of variables, which happens before anything else is read: `${name}` becomes its value. What is wrong with
//! the text afterwards is told of the text as it was written.

use super::{ast::Span, error::SyntaxError};

/// Hive's `hive.variable.substitute.depth`.
const DEPTH_MAX: usize = 40;

/// A text whose variables are replaced.
#[derive(Debug, Clone)]
pub struct Substituted {
    pub text: String,
    /// Of each byte, what it comes from in the text as it was written; empty where nothing was replaced.
    origins: Vec<Span>,
}

impl Substituted {
    /// A text in which nothing is to be replaced.
    pub fn verbatim(text: &str) -> Substituted {
        Substituted { text: text.to_owned(), origins: Vec::new() }
    }

    /// Puts values in the place of `${name}`, again and again until nothing is left to replace. What `lookup` does not know
    /// stays as it is written.
    pub fn of(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Substituted, SyntaxError> {
        let mut made = Substituted::verbatim(text);
        for _ in 0..DEPTH_MAX {
            let Some(replaced) = made.once(lookup) else { return Ok(made) };
            made = replaced;
        }
        let reason =
            format!("Variable substitution depth is more than {DEPTH_MAX}: a variable may name itself");
        Err(SyntaxError::because(reason, Span::new(0, text.len())))
    }

    /// A place in this text as a place in the one that was written: all of `${name}` for what is in its value.
    pub fn origin(&self, span: Span) -> Span {
        let (Some(first), Some(last)) = (self.origins.first(), self.origins.last()) else { return span };
        let start = self.origins.get(span.start).map_or(last.end, |origin| origin.start);
        let end = match span.end.checked_sub(1) {
            None => first.start,
            Some(end) => self.origins.get(end).map_or(last.end, |origin| origin.end),
        };
        Span::new(start, end.max(start))
    }

    /// One round from the inside out; `None` where nothing was replaced.
    fn once(&self, lookup: &dyn Fn(&str) -> Option<String>) -> Option<Substituted> {
        let mut made = Substituted { text: String::with_capacity(self.text.len()), origins: Vec::new() };
        let mut done = 0;
        let mut any = false;
        while let Some(brace) = self.text.get(done..).and_then(|rest| rest.find('}')) {
            let end = done + brace + 1;
            match self.variable(done, end, lookup) {
                Some((start, value)) => {
                    made.keep(self, done, start);
                    let origin = self.origin(Span::new(start, end));
                    made.origins.extend(std::iter::repeat_n(origin, value.len()));
                    made.text.push_str(&value);
                    any = true;
                }
                None => made.keep(self, done, end),
            }
            done = end;
        }
        if !any {
            return None;
        }
        made.keep(self, done, self.text.len());
        Some(made)
    }

    /// The variable whose brace closes before `end`: where it begins, and its value. It is the innermost one.
    fn variable(
        &self,
        done: usize,
        end: usize,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<(usize, String)> {
        let before = self.text.get(done..end - 1)?;
        let start = before.rfind("${")?;
        Some((done + start, lookup(before.get(start + 2..)?)?))
    }

    fn keep(&mut self, of: &Substituted, start: usize, end: usize) {
        self.text.push_str(of.text.get(start..end).unwrap_or_default());
        self.origins.extend((start..end).map(|at| of.origin(Span::new(at, at + 1))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        let value = match name {
            "a" => "1",
            "which" => "a",
            "outer" => "${a}${b}",
            "long" => "a long value",
            "none" => "",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn variables_are_replaced_from_the_inside_and_unknown_ones_stay() {
        let cases =
            [("x${a}y", "x1y"), ("${${which}}", "1"), ("${outer}", "1${b}"), ("${", "${"), ("{}", "{}")];
        for (text, expected) in cases {
            assert_eq!(Substituted::of(text, &lookup).unwrap().text, expected, "{text}");
        }
    }

    #[test]
    fn a_variable_that_names_itself_is_an_error() {
        assert!(Substituted::of("${a}", &|_| Some("${a}".to_owned())).is_err());
    }

    #[test]
    fn a_place_after_substitution_is_found_in_the_text_as_it_was_written() {
        let cases = [
            ("${long} here", "here", "here"),
            ("x ${a} here ${long}", "here", "here"),
            ("x ${long} y", "long", "${long}"),
            ("x ${long} y", "value y", "${long} y"),
            ("x ${${which}} y", "1", "${${which}}"),
            ("${none}here", "here", "here"),
            ("no variable here", "here", "here"),
        ];
        for (text, wanted, origin) in cases {
            let made = Substituted::of(text, &lookup).unwrap();
            let start = made.text.find(wanted).unwrap();
            let span = made.origin(Span::new(start, start + wanted.len()));
            assert_eq!(&text[span.start..span.end], origin, "{text}");
        }
    }

    #[test]
    fn the_end_stays_the_end() {
        let made = Substituted::of("x ${long}", &lookup).unwrap();
        let end = made.text.len();
        assert_eq!(made.origin(Span::new(end, end)), Span::new(9, 9));
    }
}
