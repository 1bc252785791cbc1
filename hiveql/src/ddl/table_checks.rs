//! What makes a definition of a table wrong.

use super::{DdlError, Problem};
use crate::{
    catalog::Column,
    syntax::ast::{Clustering, Name, Skew, Span},
};

pub fn name(name: &str, span: Span) -> Result<(), DdlError> {
    if name.contains('.') {
        return Err(DdlError::Semantic { problem: Problem::Dotted(name.to_owned()), span: Some(span) });
    }
    let is_valid = !name.is_empty()
        && name.chars().all(|character| character.is_alphanumeric() || "_/".contains(character));
    if is_valid {
        return Ok(());
    }
    Err(DdlError::Semantic { problem: Problem::BadName(name.to_owned()), span: Some(span) })
}

pub fn columns(columns: &[Column], partition_keys: &[Column]) -> Result<(), DdlError> {
    for (index, column) in columns.iter().enumerate() {
        if columns[..index].iter().any(|earlier| earlier.name == column.name) {
            return Err(Problem::DuplicateColumn(column.name.clone()).into());
        }
    }
    for (index, key) in partition_keys.iter().enumerate() {
        if partition_keys[..index].iter().chain(columns).any(|other| other.name == key.name) {
            return Err(Problem::ColumnRepeatedInPartitioning.into());
        }
        if !key.ty.is_primitive() {
            return Err(DdlError::Refused(format!(
                "Partition column {} must be of a primitive type, not {}",
                key.name, key.ty
            )));
        }
    }
    Ok(())
}

pub fn clustering(columns: &[Column], clustering: &Clustering) -> Result<(), DdlError> {
    if clustering.buckets == 0 {
        return Err(Problem::BadBuckets.into());
    }
    let sorted = clustering.sorted_by.iter().map(|(name, _)| name);
    known(columns, clustering.columns.iter().chain(sorted))
}

pub fn skew(columns: &[Column], skew: &Skew) -> Result<(), DdlError> {
    for (index, name) in skew.columns.iter().enumerate() {
        let span = Some(name.span);
        if !columns.iter().any(|column| name.is(&column.name)) {
            return Err(DdlError::Semantic { problem: Problem::NoSkewedColumn(name.folded()), span });
        }
        if skew.columns[..index].iter().any(|earlier| earlier.folded() == name.folded()) {
            return Err(DdlError::Semantic { problem: Problem::SkewedTwice(name.folded()), span });
        }
    }
    match skew.values.iter().find(|values| values.len() != skew.columns.len()) {
        None => Ok(()),
        Some(values) => {
            Err(Problem::SkewedValues { columns: skew.columns.len(), values: values.len() }.into())
        }
    }
}

pub fn known<'a>(columns: &[Column], names: impl IntoIterator<Item = &'a Name>) -> Result<(), DdlError> {
    for name in names {
        if !columns.iter().any(|column| name.is(&column.name)) {
            let problem = Problem::NoColumn(name.folded());
            return Err(DdlError::Semantic { problem, span: Some(name.span) });
        }
    }
    Ok(())
}
