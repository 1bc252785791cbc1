//! Values read from JSON and XML documents, and made by what Java's libraries offer.

mod java;
pub(crate) mod json;
mod json_object;
mod json_path;
mod xpath;

use super::ScalarFunction;

/// The functions of this folder.
pub const FUNCTIONS: &[&[ScalarFunction]] = &[json_object::FUNCTIONS, xpath::FUNCTIONS, java::FUNCTIONS];
