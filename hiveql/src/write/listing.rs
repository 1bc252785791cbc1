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
    let all = all_files(stores, location).await?;
    Ok(seen_among(recursive, &all, contents, snapshot))
}

/// Those of the files at a location that a reader sees.
pub(super) fn seen_among(
    recursive: bool,
    all: &[SeenFile],
    contents: Option<&Contents>,
    snapshot: &Snapshot,
) -> Vec<SeenFile> {
    let untouched;
    let contents = match contents {
        Some(contents) => contents,
        None => {
            untouched = Contents::untouched(snapshot.clone());
            &untouched
        }
    };
    let is_seen = |file: &&SeenFile| {
        let reached = recursive || !file.name.contains('/');
        reached && contents.sees(&file.name, file.stamp)
    };
    all.iter().filter(is_seen).cloned().collect()
}

/// All that is at a location, in order of the names.
pub(super) async fn all_files(stores: &dyn Stores, location: &str) -> Result<Vec<SeenFile>, DdlError> {
    let (_, root) = stores.resolve(location)?;
    let mut all = Vec::new();
    for file in files::list(stores, location).await? {
        match files::name_below(&root, &file) {
            Some(name) if !name.is_empty() => {
                all.push(SeenFile { path: file.location.to_string(), name, stamp: files::stamp(&file) });
            }
            _ => {}
        }
    }
    all.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(all)
}
