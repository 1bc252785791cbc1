//! Rules of the casts, on single values.
