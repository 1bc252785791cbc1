//! Permissions as text: `rwxr-x--t`, `750`, `u+x,go-w`.

/// Nine letters, and `t` or `T` for the sticky bit.
pub fn symbolic(mode: u16) -> String {
    let mut text = String::with_capacity(9);
    for shift in [6, 3, 0] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(if bits & 1 != 0 { 'x' } else { '-' });
    }
    if mode & 0o1000 != 0 {
        let last = if mode & 1 != 0 { 't' } else { 'T' };
        text.pop();
        text.push(last);
    }
    text
}

/// A change of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModeChange {
    Set(u16),
    Clauses(Vec<Clause>),
}

/// `go-w`: who, how, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Bits of everyone that it is about.
    who: u16,
    how: char,
    what: u16,
    /// `X`: execute for directories, and for files that someone may execute already.
    execute_if_sensible: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("chmod : mode '{0}' does not match the expected pattern.")]
pub struct BadMode(String);

impl ModeChange {
    pub fn parse(text: &str) -> Result<ModeChange, BadMode> {
        let bad = || BadMode(text.to_owned());
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let mode = u16::from_str_radix(text, 8).map_err(|_| bad())?;
            return if mode <= 0o1777 { Ok(ModeChange::Set(mode)) } else { Err(bad()) };
        }
        let clauses: Option<Vec<Clause>> = text.split(',').map(Clause::parse).collect();
        clauses.map(ModeChange::Clauses).ok_or_else(bad)
    }

    pub fn apply(&self, mode: u16, is_directory: bool) -> u16 {
        match self {
            ModeChange::Set(mode) => *mode,
            ModeChange::Clauses(clauses) => {
                clauses.iter().fold(mode, |mode, clause| clause.apply(mode, is_directory))
            }
        }
    }
}

impl Clause {
    fn parse(text: &str) -> Option<Clause> {
        let at = text.find(['+', '-', '='])?;
        let (who, rest) = text.split_at(at);
        let mut bits = 0;
        for letter in who.chars() {
            bits |= match letter {
                'u' => 0o700,
                'g' => 0o070,
                'o' => 0o007,
                'a' => 0o777,
                _ => return None,
            };
        }
        let mut letters = rest.chars();
        let how = letters.next()?;
        let mut clause = Clause {
            who: if who.is_empty() { 0o777 } else { bits },
            how,
            what: 0,
            execute_if_sensible: false,
        };
        for letter in letters {
            match letter {
                'r' => clause.what |= 0o444,
                'w' => clause.what |= 0o222,
                'x' => clause.what |= 0o111,
                't' => clause.what |= 0o1000,
                'X' => clause.execute_if_sensible = true,
                _ => return None,
            }
        }
        Some(clause)
    }

    fn apply(&self, mode: u16, is_directory: bool) -> u16 {
        let mut what = self.what;
        if self.execute_if_sensible && (is_directory || mode & 0o111 != 0) {
            what |= 0o111;
        }
        // The sticky bit belongs to nobody in particular.
        let about = self.who | 0o1000;
        let bits = what & about;
        match self.how {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => (mode & !self.who) | bits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(change: &str, mode: u16) -> u16 {
        ModeChange::parse(change).unwrap().apply(mode, false)
    }

    #[test]
    fn modes_are_shown_as_letters() {
        assert_eq!(symbolic(0o755), "rwxr-xr-x");
        assert_eq!(symbolic(0o640), "rw-r-----");
        assert_eq!(symbolic(0o1777), "rwxrwxrwt");
        assert_eq!(symbolic(0o1776), "rwxrwxrwT");
    }

    #[test]
    fn modes_change_as_chmod_changes_them() {
        assert_eq!(changed("750", 0), 0o750);
        assert_eq!(changed("1777", 0), 0o1777);
        assert_eq!(changed("u+x,go-w", 0o666), 0o744);
        assert_eq!(changed("a=r", 0o777), 0o444);
        assert_eq!(changed("+x", 0o600), 0o711);
        assert_eq!(changed("g=", 0o777), 0o707);
        assert_eq!(changed("+t", 0o777), 0o1777);
        assert_eq!(changed("a+X", 0o644), 0o644);
        assert_eq!(changed("a+X", 0o744), 0o755);
        assert_eq!(ModeChange::parse("a+X").unwrap().apply(0o644, true), 0o755);
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        for text in ["", "999", "u", "z+x", "u+q", "77777", "+x,"] {
            assert!(ModeChange::parse(text).is_err(), "{text}");
        }
    }
}
