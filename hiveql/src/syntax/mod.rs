//! The text of HiveQL: from a script to statements, from a statement to its tree.

pub mod ast;
