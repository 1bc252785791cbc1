//! Hive's own query tests: what they are, how one is run, and when its rows are right. `tests/hive/README.md` says the same in prose.

mod compare;
mod corpus;
mod run;

pub use compare::{Verdict, judge};
pub use corpus::{Compare, Corpus, Statement, Test};
pub use run::{Outcome, run};
