//! The values of Hive's own tests and documentation.
