//! Execution of statements against the catalog.
