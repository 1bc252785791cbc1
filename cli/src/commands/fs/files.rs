//! From what the user wrote to what is there: finds the store of a path, and expands patterns.

use super::{
    error::{FsError, Reason},
    item::{Item, Place},
    storage::{Found, Status, Storage, cluster::ClusterStorage, local::LocalStorage, objects::ObjectStorage},
};
use crate::{args::GlobalArgs, find_cluster};
use skep_hdfs::{
    client::{Client, CreateOptions},
    stores::{
        Stores,
        glob::{Glob, GlobError, Part, expand_braces},
    },
};
use skep_jobs::submit::{Session, environment, report::describe};
use std::{cell::RefCell, collections::BTreeMap, error::Error, rc::Rc};

/// Opens stores when they are first needed: a command about S3 alone needs no cluster.
pub struct Files {
    global: GlobalArgs,
    pub user: String,
    /// How files of the cluster are made.
    new_files: CreateOptions,
    opened: RefCell<BTreeMap<Place, Rc<dyn Storage>>>,
}

impl Files {
    pub fn new(global: &GlobalArgs, new_files: CreateOptions) -> Files {
        let user = environment::user_name();
        Files { global: global.clone(), user, new_files, opened: RefCell::default() }
    }

    pub fn item(&self, text: &str) -> Result<Item, FsError> {
        Item::parse(text, &self.user)
    }

    pub fn storage(&self, item: &Item) -> Result<Rc<dyn Storage>, FsError> {
        if let Some(storage) = self.opened.borrow().get(&item.place) {
            return Ok(storage.clone());
        }
        let storage: Rc<dyn Storage> = match &item.place {
            Place::Local => Rc::new(LocalStorage),
            Place::Cluster => Rc::new(ClusterStorage::new(self.cluster_client(item)?, self.new_files)),
            Place::Objects { bucket } => {
                let root = format!("s3://{bucket}/");
                let place = Stores::local()
                    .resolve(&root)
                    .map_err(|error| FsError::from_store(&item.shown, error))?;
                Rc::new(ObjectStorage::new(place.store, &self.user))
            }
        };
        self.opened.borrow_mut().insert(item.place.clone(), storage.clone());
        Ok(storage)
    }

    fn cluster_client(&self, item: &Item) -> Result<Client, FsError> {
        let told = |error: &(dyn Error + 'static)| FsError::told(&item.shown, describe(error));
        let environment = find_cluster::submit_environment(&self.global).map_err(|error| told(&error))?;
        Ok(Session::open(environment).map_err(|error| told(&error))?.client)
    }

    pub async fn status(&self, item: &Item) -> Result<Status, FsError> {
        self.storage(item)?.status(item).await
    }

    /// `None`: it is not there.
    pub async fn look(&self, item: &Item) -> Result<Option<Status>, FsError> {
        self.storage(item)?.look(item).await
    }

    pub async fn list(&self, item: &Item) -> Result<Vec<Found>, FsError> {
        self.storage(item)?.list(item).await
    }

    /// What a path or pattern names, in path order. Nothing is an error.
    pub async fn expand(&self, text: &str) -> Result<Vec<Found>, FsError> {
        self.expand_with(text, |text| self.item(text)).await
    }

    /// The same for a path of this machine.
    pub async fn expand_local(&self, text: &str) -> Result<Vec<Found>, FsError> {
        self.expand_with(text, Item::local).await
    }

    async fn expand_with(
        &self,
        text: &str,
        parse: impl Fn(&str) -> Result<Item, FsError>,
    ) -> Result<Vec<Found>, FsError> {
        let bad = |error: GlobError| FsError::told(text, error.to_string());
        let mut all = Vec::new();
        for alternative in expand_braces(text).map_err(bad)? {
            let item = parse(&alternative)?;
            let glob = Glob::parse(&item.path).map_err(bad)?;
            if glob.parts.is_empty() {
                let status = self.status(&item).await?;
                all.push(Found { item, status });
                continue;
            }
            let found = self.walk(&item, &glob.parts).await?;
            if found.is_empty() {
                return Err(FsError::new(text, Reason::NotFound));
            }
            all.extend(found);
        }
        Ok(all)
    }

    async fn walk(&self, pattern: &Item, parts: &[Part]) -> Result<Vec<Found>, FsError> {
        let mut base = pattern.clone();
        for _ in parts {
            base = base.parent().unwrap_or(base);
        }
        let Some(status) = self.look(&base).await? else { return Ok(Vec::new()) };
        let mut level = vec![Found { item: base, status }];
        for part in parts {
            level = self.step(level, part).await?;
        }
        level.sort_by(|a, b| a.item.path.cmp(&b.item.path));
        level.dedup_by(|a, b| a.item.path == b.item.path);
        Ok(level)
    }

    async fn step(&self, level: Vec<Found>, part: &Part) -> Result<Vec<Found>, FsError> {
        let mut next = Vec::new();
        for found in level {
            match part {
                Part::Name(name) => {
                    let item = found.item.child(name);
                    if let Some(status) = self.look(&item).await? {
                        next.push(Found { item, status });
                    }
                }
                Part::AnyDepth => next.extend(self.directories_below(found).await?),
                Part::Matching { .. } if found.status.is_directory() => {
                    let children = self.list(&found.item).await?;
                    next.extend(
                        children.into_iter().filter(|child| part.matches_hidden_too(child.item.name())),
                    );
                }
                Part::Matching { .. } => {}
            }
        }
        Ok(next)
    }

    async fn directories_below(&self, top: Found) -> Result<Vec<Found>, FsError> {
        let mut all = Vec::new();
        let mut open = vec![top];
        while let Some(found) = open.pop() {
            if found.status.is_directory() {
                open.extend(self.list(&found.item).await?);
                all.push(found);
            }
        }
        Ok(all)
    }

    /// Everything at or below `top`, a directory before what is in it, in name order.
    pub async fn tree(&self, top: Found) -> Result<Vec<Found>, FsError> {
        let mut all = Vec::new();
        let mut open = vec![top];
        while let Some(found) = open.pop() {
            if found.status.is_directory() {
                let mut children = self.list(&found.item).await?;
                children.reverse();
                open.extend(children);
            }
            all.push(found);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/x1", "a/x2", "a/_hidden", "b/x1", "b/deep/x9"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        folder
    }

    async fn names(folder: &tempfile::TempDir, pattern: &str) -> Result<Vec<String>, FsError> {
        let files = Files::new(&GlobalArgs::default(), CreateOptions::default());
        let root = folder.path().to_str().unwrap();
        let found = files.expand(&format!("file://{root}/{pattern}")).await?;
        let start = format!("file://{root}/");
        Ok(found.iter().map(|found| found.item.shown.strip_prefix(&start).unwrap().to_owned()).collect())
    }

    #[tokio::test]
    async fn patterns_name_hidden_files_too_and_keep_the_users_spelling() {
        let folder = folder();
        assert_eq!(names(&folder, "a/*").await.unwrap(), ["a/_hidden", "a/x1", "a/x2"]);
        assert_eq!(names(&folder, "*/x1").await.unwrap(), ["a/x1", "b/x1"]);
        assert_eq!(names(&folder, "{b,a}/x?").await.unwrap(), ["b/x1", "a/x1", "a/x2"]);
        assert_eq!(names(&folder, "**/x9").await.unwrap(), ["b/deep/x9"]);
        assert_eq!(names(&folder, "a/x[2-9]").await.unwrap(), ["a/x2"]);
    }

    #[tokio::test]
    async fn what_names_nothing_is_an_error() {
        let folder = folder();
        assert!(names(&folder, "c*").await.unwrap_err().is_not_found());
        assert!(names(&folder, "a/nope").await.unwrap_err().is_not_found());
        assert!(names(&folder, "a/x1/*").await.unwrap_err().is_not_found());
        assert!(names(&folder, "{a").await.is_err());
    }

    #[tokio::test]
    async fn a_tree_has_directories_before_what_is_in_them() {
        let folder = folder();
        let files = Files::new(&GlobalArgs::default(), CreateOptions::default());
        let top = files.expand_local(folder.path().join("b").to_str().unwrap()).await.unwrap().remove(0);
        let tree = files.tree(top).await.unwrap();
        let names: Vec<&str> = tree.iter().map(|found| found.item.name()).collect();
        assert_eq!(names, ["b", "deep", "x9", "x1"]);
    }

    #[tokio::test]
    async fn a_cluster_path_without_a_cluster_says_what_to_do() {
        let global = GlobalArgs {
            master: Some("127.0.0.1:1".parse().unwrap()),
            secret: Some("/no/such/secret".into()),
            ..GlobalArgs::default()
        };
        let error = Files::new(&global, CreateOptions::default()).expand("/x").await.unwrap_err();
        assert!(error.to_string().contains("/no/such/secret"), "{error}");
    }
}
