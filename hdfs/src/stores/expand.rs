//! From an input pattern to the files that it names.

use super::{
    Extent, FoundFile, Place, PlaceKind, StoreError, Stores,
    glob::{self, Glob, Part, is_hidden},
    tree::Node,
};
use std::collections::BTreeMap;

/// Files by their text: in path order, each once.
type Found = BTreeMap<String, FoundFile>;

impl Stores {
    /// The files that an input pattern names, in path order: a file, every visible file directly in a directory (and below
    /// it when `recursive`), or a glob (`*`, `?`, `[a-z]`, `{a,b}`, `**`). Names that begin with `_` or `.` are hidden, as Hadoop has
    /// it. A pattern that names nothing is an error; an empty directory is not.
    pub async fn expand(&self, pattern: &str, recursive: bool) -> Result<Vec<FoundFile>, StoreError> {
        let mut found = Found::new();
        let mut matched = false;
        let alternatives =
            glob::expand_braces(pattern).map_err(|error| StoreError::bad_path(pattern, error))?;
        for alternative in alternatives {
            let glob = Glob::parse(&alternative).map_err(|error| StoreError::bad_path(pattern, error))?;
            for (place, node) in self.matches(&glob).await? {
                matched = true;
                self.gather(&place, node, recursive, &mut found).await?;
            }
        }
        match matched {
            true => Ok(found.into_values().collect()),
            false => Err(StoreError::NotFound { path: pattern.to_owned() }),
        }
    }

    /// Where the bytes of a file lie. One extent without workers for stores that have no locations.
    pub async fn extents(&self, file: &FoundFile) -> Result<Vec<Extent>, StoreError> {
        let place = self.resolve(&file.text)?;
        let (PlaceKind::Cluster(path), Some(client)) = (&place.kind, self.client()) else {
            return Ok(vec![Extent { offset: 0, len_bytes: file.len_bytes, workers: Vec::new() }]);
        };
        let blocks = client.blocks(path).await.map_err(|error| StoreError::store(&place.text, error))?;
        let extents = blocks.blocks.into_iter().map(|block| Extent {
            offset: block.offset,
            len_bytes: block.len_bytes,
            workers: block.locations.into_iter().map(|location| location.worker).collect(),
        });
        Ok(extents.collect())
    }

    pub async fn exists(&self, text: &str) -> Result<bool, StoreError> {
        let place = self.resolve(text)?;
        Ok(self.look(&place).await?.is_some())
    }

    /// Everything that a pattern without braces matches: files and directories.
    async fn matches(&self, glob: &Glob) -> Result<Vec<(Place, Node)>, StoreError> {
        let base = self.resolve(&glob.base)?;
        let mut frontier: Vec<(Place, Node)> = match self.look(&base).await? {
            Some(node) => vec![(base, node)],
            None => Vec::new(),
        };
        for (index, part) in glob.parts.iter().enumerate() {
            let is_last = index + 1 == glob.parts.len();
            let mut next = Vec::new();
            for (place, node) in frontier {
                if node == Node::Directory {
                    self.step(place, part, is_last, &mut next).await?;
                }
            }
            frontier = next;
        }
        Ok(frontier)
    }

    /// What one part of a pattern matches in a directory.
    async fn step(
        &self,
        directory: Place,
        part: &Part,
        is_last: bool,
        next: &mut Vec<(Place, Node)>,
    ) -> Result<(), StoreError> {
        match part {
            Part::Name(name) => {
                let place = self.child(&directory, name)?;
                next.extend(self.look(&place).await?.map(|node| (place, node)));
            }
            Part::Matching { .. } => {
                for (name, node) in self.children(&directory).await? {
                    if part.matches(&name) {
                        next.push((self.child(&directory, &name)?, node));
                    }
                }
            }
            Part::AnyDepth => {
                let mut waiting = vec![directory];
                while let Some(directory) = waiting.pop() {
                    for (name, node) in self.children(&directory).await? {
                        let is_directory = node == Node::Directory;
                        if !part.matches(&name) || !(is_directory || is_last) {
                            continue;
                        }
                        let place = self.child(&directory, &name)?;
                        match is_directory {
                            true => waiting.push(place),
                            false => next.push((place, node)),
                        }
                    }
                    next.push((directory, Node::Directory));
                }
            }
        }
        Ok(())
    }

    /// The file itself, or the visible files of a directory.
    async fn gather(
        &self,
        place: &Place,
        node: Node,
        recursive: bool,
        found: &mut Found,
    ) -> Result<(), StoreError> {
        let mut waiting = Vec::new();
        match node {
            Node::File { len_bytes } => {
                add(place, len_bytes, found);
            }
            Node::Directory => waiting.push(place.clone()),
        }
        while let Some(directory) = waiting.pop() {
            for (name, node) in self.children(&directory).await? {
                if is_hidden(&name) {
                    continue;
                }
                match node {
                    Node::File { len_bytes } => add(&self.child(&directory, &name)?, len_bytes, found),
                    Node::Directory if recursive => waiting.push(self.child(&directory, &name)?),
                    Node::Directory => {}
                }
            }
        }
        Ok(())
    }
}

fn add(place: &Place, len_bytes: u64, found: &mut Found) {
    let text = place.text.clone();
    found.insert(text.clone(), FoundFile { text, len_bytes });
}
