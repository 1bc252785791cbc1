//! Listing of a location: the files there that belong to the contents.

use crate::{
    catalog::{Contents, FileStamp, Snapshot},
    ddl::{DdlContext, DdlError, Stores, files},
};

/// Any of these asks for the folders below a location too.
const RECURSIVE: [&str; 3] = [
    "mapred.input.dir.recursive",
    "mapreduce.input.fileinputformat.input.dir.recursive",
    "hive.mapred.supports.subdirectories",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFile {
    /// In its store.
    pub path: String,
    /// Below the location.
    pub name: String,
    pub stamp: FileStamp,
}

/// Whether the folders below a location are read too.
pub fn is_recursive(context: &DdlContext<'_>) -> bool {
    RECURSIVE.iter().any(|name| context.setting_is(name, "true"))
}

/// In order of their names. `snapshot` was taken before the record with these `contents` was read.
pub async fn seen_files(
    stores: &dyn Stores,
    recursive: bool,
    location: &str,
    contents: Option<&Contents>,
    snapshot: &Snapshot,
) -> Result<Vec<SeenFile>, DdlError> {
    let untouched;
    let contents = match contents {
        Some(contents) => contents,
        None => {
            untouched = Contents::untouched(snapshot.clone());
            &untouched
        }
    };
    let (_, root) = stores.resolve(location)?;
    let mut seen = Vec::new();
    for file in files::list(stores, location).await? {
        let Some(name) = files::name_below(&root, &file) else { continue };
        let stamp = files::stamp(&file);
        let reached = recursive || !name.contains('/');
        if reached && !name.is_empty() && contents.sees(&name, stamp) {
            seen.push(SeenFile { path: file.location.to_string(), name, stamp });
        }
    }
    seen.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(seen)
}
