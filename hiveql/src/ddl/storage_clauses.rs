//! ROW FORMAT, STORED AS, STORED BY, CLUSTERED BY and SKEWED BY, as the catalog keeps them.

use super::{DdlContext, DdlError, Problem, partition_spec, storage_words};
use crate::{
    catalog::{Column, PropertyMap, SkewedBy, SortColumn, StorageDescriptor},
    formats::{FileFormat, StorageWords},
    syntax::ast::{
        Clustering, CreateTable, Delimited, InsertDirectory, Name, RowFormat, Skew, StorageFormat,
    },
};

const DEFAULT_FORMAT: &str = "TextFile";
const FORMAT_KEY: &str = "serialization.format";

pub fn storage(context: &DdlContext<'_>, statement: &CreateTable) -> Result<StorageDescriptor, DdlError> {
    let mut storage = match &statement.format {
        Some(format) => of_format(format)?,
        None => {
            let managed = (context.settings)("hive.default.fileformat.managed")
                .filter(|word| !statement.external && !word.eq_ignore_ascii_case("none"));
            let word = managed.or_else(|| (context.settings)("hive.default.fileformat"));
            of_word(word.as_deref().unwrap_or(DEFAULT_FORMAT))?
        }
    };
    if let Some(RowFormat::Serde { class, properties }) = &statement.row_format {
        storage.serde.clone_from(class);
        storage.serde_properties.extend(properties.iter().cloned());
    }
    storage.serde_properties.entry(FORMAT_KEY.to_owned()).or_insert_with(|| "1".to_owned());
    Ok(storage)
}

/// Of the files of INSERT OVERWRITE DIRECTORY: text, unless it says something else.
pub fn of_directory(directory: &InsertDirectory) -> Result<StorageDescriptor, DdlError> {
    let mut storage = match &directory.format {
        Some(format) => of_format(format)?,
        None => of_word(DEFAULT_FORMAT)?,
    };
    if let Some(RowFormat::Serde { class, properties }) = &directory.row_format {
        storage.serde.clone_from(class);
        storage.serde_properties.extend(properties.iter().cloned());
    }
    add_delimiters(&mut storage, directory.row_format.as_ref())?;
    Ok(storage)
}

pub fn of_format(format: &StorageFormat) -> Result<StorageDescriptor, DdlError> {
    match format {
        StorageFormat::Named(word) => of_word(word),
        StorageFormat::Classes { input, output, serde } => {
            known_class(input, Problem::BadInputFormat)?;
            known_class(output, Problem::BadOutputFormat)?;
            let mut storage = of_word(DEFAULT_FORMAT)?;
            storage.input_format.clone_from(input);
            storage.output_format.clone_from(output);
            if let Some(serde) = serde {
                storage.serde.clone_from(serde);
            }
            Ok(storage)
        }
        StorageFormat::Handler { class, properties } => {
            let serde_properties = properties.iter().cloned().collect();
            Ok(StorageDescriptor {
                handler: Some(class.clone()),
                serde_properties,
                ..StorageDescriptor::default()
            })
        }
    }
}

/// Classes of formats are Hadoop's and Hive's, or of libraries beside them.
fn known_class(class: &str, wrong: fn(String) -> Problem) -> Result<(), DdlError> {
    match class {
        _ if ["org.apache.", "com.", "parquet.", "org."].iter().any(|prefix| class.starts_with(prefix)) => {
            Ok(())
        }
        _ if class.starts_with("java.") => Err(wrong(class.to_owned()).into()),
        _ => Err(DdlError::Refused(format!("Cannot find class '{class}'"))),
    }
}

fn of_word(word: &str) -> Result<StorageDescriptor, DdlError> {
    storage_words::classes(word).ok_or_else(|| Problem::BadFormat(word.to_owned()).into())
}

pub fn add_delimiters(storage: &mut StorageDescriptor, format: Option<&RowFormat>) -> Result<(), DdlError> {
    let Some(RowFormat::Delimited(delimited)) = format else { return Ok(()) };
    if delimited.lines.as_deref().is_some_and(|lines| !["\n", "10"].contains(&lines)) {
        return Err(Problem::BadLineEnd.into());
    }
    let properties = delimiters(delimited).map(|(key, value)| (key.to_owned(), value.clone()));
    storage.serde_properties.extend(properties);
    Ok(())
}

/// What ROW FORMAT DELIMITED says, as properties of a SerDe.
pub fn delimiters(delimited: &Delimited) -> impl Iterator<Item = (&'static str, &String)> {
    let all = [
        ("field.delim", &delimited.fields),
        (FORMAT_KEY, &delimited.fields),
        ("escape.delim", &delimited.escaped_by),
        ("collection.delim", &delimited.collection_items),
        ("mapkey.delim", &delimited.map_keys),
        ("line.delim", &delimited.lines),
        ("serialization.null.format", &delimited.null),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?)))
}

/// Whether the SerDe can be made: one of regular expressions is known to be wrong before any row is read.
pub fn check_serde(
    storage: &StorageDescriptor,
    columns: &[Column],
    properties: &PropertyMap,
) -> Result<(), DdlError> {
    let is_libraries = ["org.apache.", "com.", "org."].iter().any(|prefix| storage.serde.starts_with(prefix));
    if !storage.serde.is_empty() && !is_libraries {
        return Err(DdlError::Refused(format!("Cannot validate serde: {}", storage.serde)));
    }
    if !storage.serde.ends_with(".RegexSerDe") {
        return Ok(());
    }
    let words = StorageWords {
        input_format: &storage.input_format,
        output_format: &storage.output_format,
        serde: &storage.serde,
        serde_properties: &storage.serde_properties,
        table_properties: properties,
    };
    let columns: Vec<_> = columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect();
    match FileFormat::new(words, &columns) {
        Ok(_) => Ok(()),
        Err(error) => Err(DdlError::Refused(format!("MetaException(message:{error})"))),
    }
}

pub fn set_clustering(storage: &mut StorageDescriptor, clustering: &Clustering) {
    storage.bucket_columns = clustering.columns.iter().map(Name::folded).collect();
    storage.buckets = clustering.buckets;
    let sorted = clustering.sorted_by.iter();
    storage.sort_columns = sorted
        .map(|(name, descending)| SortColumn { name: name.folded(), descending: *descending })
        .collect();
}

pub fn skew(skew: &Skew) -> SkewedBy {
    let text = |value| partition_spec::literal_text(value).unwrap_or_default();
    SkewedBy {
        columns: skew.columns.iter().map(Name::folded).collect(),
        values: skew.values.iter().map(|values| values.iter().map(text).collect()).collect(),
        directories: skew.directories,
        locations: Vec::new(),
    }
}
