//! What happened, line by line: two runs of one seed must give the same bytes.

use std::{cell::RefCell, fmt::Write, rc::Rc};

#[derive(Default, Clone)]
pub struct Trace {
    text: Rc<RefCell<String>>,
}

impl Trace {
    pub fn line(&self, now: u64, what: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.text.borrow_mut(), "{now:>8} {what}");
    }

    pub fn text(&self) -> String {
        self.text.borrow().clone()
    }
}

/// The first line in which two runs differ.
pub fn difference<'a>(first: &'a str, second: &'a str) -> Option<(&'a str, &'a str)> {
    let mut others = second.lines();
    for line in first.lines() {
        let other = others.next().unwrap_or("(the end)");
        if line != other {
            return Some((line, other));
        }
    }
    others.next().map(|other| ("(the end)", other))
}
