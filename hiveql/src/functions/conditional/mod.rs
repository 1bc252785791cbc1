//! Functions that choose, and that ask whether something is so.

mod assertion;
mod choice;
mod membership;
#[cfg(test)]
mod tests;
mod truth;

use super::ScalarFunction;

/// The functions of this folder.
pub const FUNCTIONS: &[&[ScalarFunction]] =
    &[choice::FUNCTIONS, truth::FUNCTIONS, membership::FUNCTIONS, assertion::FUNCTIONS];
