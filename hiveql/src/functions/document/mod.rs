//! Values read from JSON and XML documents, and made by what Java's libraries offer.

pub(super) mod java;
pub(crate) mod json;
mod json_object;
mod json_path;
mod json_read;
mod type_text;
mod xpath;

use super::ScalarFunction;

/// The functions of this folder.
pub const FUNCTIONS: &[&[ScalarFunction]] =
    &[json_object::FUNCTIONS, json_read::FUNCTIONS, xpath::FUNCTIONS, java::FUNCTIONS];
