//! Paths, patterns and the cluster's object store, over real block servers and over this machine's files.

use super::*;
use crate::{
    blocks::nodes::Nodes,
    client::{CreateOptions, master::Master},
};
use futures::{StreamExt, TryStreamExt};
use object_store::{
    CopyMode, CopyOptions, GetOptions, GetRange, ObjectStoreExt, PutMode, PutOptions, RenameOptions,
    RenameTargetMode, integration, memory::InMemory, path::Path as ObjectPath,
};
use proptest::{prelude::*, test_runner::Config};
use std::fs;
use tempfile::TempDir;

async fn cluster() -> (Nodes, Master, Stores) {
    let mut nodes = Nodes::start(2).await;
    let master = Master::start(&mut nodes).await;
    let stores = Stores::cluster(master.local_client());
    (nodes, master, stores)
}

fn local_tree(files: &[&str]) -> (TempDir, String) {
    let directory = TempDir::new().unwrap();
    for file in files {
        let path = directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    let root = directory.path().to_str().unwrap().to_owned();
    (directory, root)
}

async fn put(stores: &Stores, path: &str, bytes: &[u8]) {
    let mut writer =
        stores.client().unwrap().create(&path.parse().unwrap(), CreateOptions::default()).await.unwrap();
    writer.write(bytes).await.unwrap();
    writer.finish().await.unwrap();
}

/// What a pattern finds, relative to `root`.
async fn found(stores: &Stores, root: &str, pattern: &str, recursive: bool) -> Vec<String> {
    let files = stores.expand(&format!("{root}/{pattern}"), recursive).await.unwrap();
    files.into_iter().map(|file| file.text.strip_prefix(root).unwrap()[1..].to_owned()).collect()
}

#[tokio::test]
async fn plain_paths_are_this_machines_without_a_cluster() {
    let stores = Stores::local();
    let place = stores.resolve("/tmp/a b").unwrap();
    assert_eq!(place.kind, PlaceKind::Local("/tmp/a b".into()));
    assert_eq!(place.text, "/tmp/a b");
    assert_eq!(stores.resolve("file:///tmp/x/").unwrap().text, "/tmp/x");
    let relative = stores.resolve("some/file").unwrap();
    assert!(relative.text.starts_with('/') && relative.text.ends_with("/some/file"), "{}", relative.text);
    assert!(matches!(stores.resolve("hdfs://host/x"), Err(StoreError::NoCluster { .. })));
    assert!(
        matches!(stores.resolve("ftp://host/x"), Err(StoreError::UnknownScheme { scheme, .. }) if scheme == "ftp")
    );
    for bad in ["", "file://x", "s3://", "s3:///key"] {
        assert!(matches!(stores.resolve(bad), Err(StoreError::BadPath { .. })), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_paths_are_the_clusters_when_there_is_one() {
    let (_nodes, _master, stores) = cluster().await;
    let cluster = |path: &str| PlaceKind::Cluster(path.parse().unwrap());
    assert_eq!(stores.resolve("/x//y/").unwrap().kind, cluster("/x/y"));
    assert_eq!(stores.resolve("hdfs://any/x").unwrap().text, "/x");
    assert_eq!(stores.resolve("hdfs:///x").unwrap().kind, cluster("/x"));
    assert_eq!(stores.resolve("x").unwrap().kind, cluster("/user/tester/x"));
    assert_eq!(stores.resolve(".").unwrap().kind, cluster("/user/tester"));
    assert_eq!(stores.resolve("file:///x").unwrap().text, "file:///x");
    assert!(matches!(stores.resolve("hdfs://host"), Err(StoreError::BadPath { .. })));
    assert!(matches!(stores.resolve("/a/../b"), Err(StoreError::BadPath { .. })));
}

#[tokio::test]
async fn a_bucket_is_a_store_with_uploads_in_parts() {
    let place = Stores::local().resolve("s3://bucket/some/key").unwrap();
    assert_eq!(place.kind, PlaceKind::S3 { bucket: "bucket".to_owned() });
    assert_eq!((place.path.as_ref(), place.text.as_str()), ("some/key", "s3://bucket/some/key"));
    assert!(place.multipart().is_some());
    assert!(Stores::local().resolve("/x").unwrap().multipart().is_none());
}

const TREE: &[&str] = &[
    "a/1.txt",
    "a/2.log",
    "a/_hidden",
    "a/.dot",
    "a/sub/3.txt",
    "a/sub/_tmp/4.txt",
    "b/1.txt",
    "b/c/d/5.txt",
    "top.txt",
];

async fn patterns_find_what_they_should(stores: &Stores, root: &str) {
    let find = async |pattern: &str, recursive| found(stores, root, pattern, recursive).await;
    assert_eq!(find("top.txt", false).await, ["top.txt"]);
    assert_eq!(find("a", false).await, ["a/1.txt", "a/2.log"]);
    assert_eq!(find("a", true).await, ["a/1.txt", "a/2.log", "a/sub/3.txt"]);
    assert_eq!(find("*/1.txt", false).await, ["a/1.txt", "b/1.txt"]);
    assert_eq!(find("{b,a}/1.txt", false).await, ["a/1.txt", "b/1.txt"]);
    assert_eq!(find("{a/2.log,missing}", false).await, ["a/2.log"]);
    assert_eq!(find("a/*", false).await, ["a/1.txt", "a/2.log", "a/sub/3.txt"]);
    assert_eq!(find("a/[0-9].*", false).await, ["a/1.txt", "a/2.log"]);
    assert_eq!(find("a/_*", false).await, ["a/_hidden"]);
    assert_eq!(find("a/sub/_tmp/*", false).await, ["a/sub/_tmp/4.txt"]);
    assert_eq!(
        find("**/*.txt", false).await,
        ["a/1.txt", "a/sub/3.txt", "b/1.txt", "b/c/d/5.txt", "top.txt"]
    );
    assert_eq!(find("b/**", false).await, ["b/1.txt", "b/c/d/5.txt"]);
    assert_eq!(find("b/**/5.txt", false).await, ["b/c/d/5.txt"]);
    assert_eq!(find("b/c", false).await, [""; 0]);
    for nothing in ["missing", "missing/*", "*.none", "top.txt/x", "a/1.txt/*"] {
        let error = stores.expand(&format!("{root}/{nothing}"), false).await.unwrap_err();
        assert!(matches!(&error, StoreError::NotFound { path } if path.ends_with(nothing)), "{error}");
    }
    assert!(matches!(stores.expand(&format!("{root}/{{a"), false).await, Err(StoreError::BadPath { .. })));
    assert!(stores.exists(&format!("{root}/a/sub")).await.unwrap());
    assert!(stores.exists(&format!("{root}/a/1.txt")).await.unwrap());
    assert!(!stores.exists(&format!("{root}/a/9.txt")).await.unwrap());
}

#[tokio::test]
async fn patterns_find_files_of_this_machine() {
    let (_directory, root) = local_tree(TREE);
    patterns_find_what_they_should(&Stores::local(), &root).await;
    let file = Stores::local().expand(&format!("{root}/top.txt"), false).await.unwrap().remove(0);
    assert_eq!(file.len_bytes, 7);
    let extents = Stores::local().extents(&file).await.unwrap();
    assert_eq!(extents, [Extent { offset: 0, len_bytes: 7, workers: Vec::new() }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_find_files_of_the_cluster() {
    let (_nodes, _master, stores) = cluster().await;
    for file in TREE {
        put(&stores, &format!("/in/{file}"), file.as_bytes()).await;
    }
    patterns_find_what_they_should(&stores, "/in").await;
    let file = stores.expand("/in/a/1.txt", false).await.unwrap().remove(0);
    let extents = stores.extents(&file).await.unwrap();
    assert_eq!((extents.len(), extents[0].len_bytes, extents[0].workers.len()), (1, 7, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_with_local_files_shows_them_with_their_scheme() {
    let (_nodes, _master, stores) = cluster().await;
    let (_directory, root) = local_tree(&["in/x.txt"]);
    let files = stores.expand(&format!("file://{root}/in"), false).await.unwrap();
    assert_eq!(files[0].text, format!("file://{root}/in/x.txt"));
    assert_eq!(
        stores.resolve(&files[0].text).unwrap().kind,
        PlaceKind::Local(format!("{root}/in/x.txt").into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clusters_object_store_passes_the_suite_of_the_object_store_crate() {
    /// Each expects to begin with nothing.
    macro_rules! pass {
        ($($suite:ident($($argument:expr)?)),*) => {$(
            let (_nodes, _master, stores) = cluster().await;
            let store = stores.resolve("/").unwrap().store;
            integration::$suite(&store $(, $argument)?).await;
        )*};
    }
    pass!(
        put_get_delete_list(),
        list_uses_directories_correctly(),
        list_with_offset_exclusivity(),
        rename_and_copy(),
        copy_if_not_exists(),
        copy_rename_nonexistent_object(),
        stream_get(),
        put_opts(false),
        get_opts(),
        multipart_race_condition(true),
        multipart_out_of_order()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_seen_whole_or_not_at_all() {
    let (_nodes, master, stores) = cluster().await;
    let store = stores.resolve("/").unwrap().store;
    let path = ObjectPath::from("dir/object");
    store.put(&path, "old".into()).await.unwrap();
    let mut upload = store.put_multipart(&path).await.unwrap();
    upload.put_part("new, ".into()).await.unwrap();
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "old");
    let listed: Vec<_> = store.list(None).map_ok(|meta| meta.location).try_collect().await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&path));
    upload.put_part("and whole".into()).await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "new, and whole");

    let mut aborted = store.put_multipart(&path).await.unwrap();
    aborted.put_part("never seen".into()).await.unwrap();
    aborted.abort().await.unwrap();
    drop(store.put_multipart(&path).await.unwrap());
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "new, and whole");
    let client = master.local_client();
    while !client.list(&"/.uploads".parse().unwrap()).await.unwrap().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_objects_stream_in_order_and_by_range() {
    let (_nodes, _master, stores) = cluster().await;
    let store = stores.resolve("/").unwrap().store;
    let path = ObjectPath::from("large");
    let bytes = crate::blocks::nodes::data(11 << 20);
    store.put(&path, bytes.clone().into()).await.unwrap();
    assert!(store.get(&path).await.unwrap().bytes().await.unwrap() == bytes);
    let ranges = [3..10, 5 << 20..9 << 20, (11 << 20) - 1..11 << 20];
    let parts = store.get_ranges(&path, &ranges).await.unwrap();
    for (range, part) in ranges.iter().zip(parts) {
        assert!(part == bytes[range.start as usize..range.end as usize]);
    }
    let beyond = std::slice::from_ref(&(12 << 20..13 << 20));
    assert!(store.get_ranges(&path, beyond).await.is_err());
}

/// One thing that can be done to a store.
#[derive(Debug, Clone)]
enum Act {
    Put(usize, usize, bool),
    Get(usize, Option<(u64, u64)>),
    Delete(usize),
    Copy(usize, usize, bool),
    Rename(usize, usize, bool),
    List(usize),
}

/// Names among which some are directories of others' files; none is both, which only this machine's kind of store forbids.
const NAMES: &[&str] = &["a", "d/x", "d/y", "d/e/z", "f g/%", "ü"];
const PREFIXES: &[&str] = &["", "d", "d/e", "f g", "none"];

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let name = || 0..NAMES.len();
    let act = prop_oneof![
        (name(), 0usize..300_000, any::<bool>()).prop_map(|(name, len, create)| Act::Put(name, len, create)),
        (name(), proptest::option::of((0u64..200_000, 1u64..200_000)))
            .prop_map(|(name, range)| Act::Get(name, range)),
        name().prop_map(Act::Delete),
        (name(), name(), any::<bool>()).prop_map(|(from, to, create)| Act::Copy(from, to, create)),
        (name(), name(), any::<bool>()).prop_map(|(from, to, create)| Act::Rename(from, to, create)),
        (0..PREFIXES.len()).prop_map(Act::List),
    ];
    proptest::collection::vec(act, 1..25)
}

/// Which of the errors that callers tell apart.
fn class(error: &object_store::Error) -> &'static str {
    match error {
        object_store::Error::NotFound { .. } => "not found",
        object_store::Error::AlreadyExists { .. } => "exists",
        _ => "other",
    }
}

/// What a store answers to an act, as text that two stores can be compared by.
async fn perform(store: &dyn ObjectStore, act: &Act) -> Result<String, object_store::Error> {
    let path = |name: &usize| ObjectPath::parse(NAMES[*name]).unwrap();
    match act {
        Act::Put(name, len, create) => {
            let mode = if *create { PutMode::Create } else { PutMode::Overwrite };
            let bytes = crate::blocks::nodes::data(*len);
            store.put_opts(&path(name), bytes.into(), PutOptions { mode, ..PutOptions::default() }).await?;
            Ok(String::new())
        }
        Act::Get(name, range) => {
            let range = range.map(|(start, len)| GetRange::Bounded(start..start + len));
            let got = store.get_opts(&path(name), GetOptions { range, ..GetOptions::default() }).await?;
            let (size, range) = (got.meta.size, got.range.clone());
            let bytes = got.bytes().await?;
            Ok(format!("{size} {range:?} {:08x}", crate::blocks::crc::crc32c(&bytes)))
        }
        Act::Delete(name) => {
            // A store may or may not mind when there is nothing to delete.
            match store.delete(&path(name)).await {
                Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(String::new()),
                Err(error) => Err(error),
            }
        }
        Act::Copy(from, to, create) => {
            let mode = if *create { CopyMode::Create } else { CopyMode::Overwrite };
            store.copy_opts(&path(from), &path(to), CopyOptions::new().with_mode(mode)).await?;
            Ok(String::new())
        }
        // Onto itself: a copy and a delete in some stores, nothing in others.
        Act::Rename(from, to, _) if from == to => Ok(String::new()),
        Act::Rename(from, to, create) => {
            let target = if *create { RenameTargetMode::Create } else { RenameTargetMode::Overwrite };
            store.rename_opts(&path(from), &path(to), RenameOptions::new().with_target_mode(target)).await?;
            Ok(String::new())
        }
        Act::List(prefix) => {
            let prefix = ObjectPath::parse(PREFIXES[*prefix]).unwrap();
            let mut all: Vec<_> = store.list(Some(&prefix)).try_collect::<Vec<_>>().await?;
            all.sort_by(|left, right| left.location.cmp(&right.location));
            let all: Vec<_> = all.into_iter().map(|meta| (meta.location, meta.size)).collect();
            let mut direct = store.list_with_delimiter(Some(&prefix)).await?.objects;
            direct.sort_by(|left, right| left.location.cmp(&right.location));
            let direct: Vec<_> = direct.into_iter().map(|meta| meta.location).collect();
            Ok(format!("{all:?} {direct:?}"))
        }
    }
}

#[test]
fn the_clusters_object_store_answers_as_the_one_in_memory_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_nodes, _master, stores) = runtime.block_on(cluster());
    let store = stores.resolve("/").unwrap().store;
    let mut runner = proptest::test_runner::TestRunner::new(Config { cases: 12, ..Config::default() });
    let outcome = runner.run(&acts(), |acts| {
        runtime.block_on(async {
            let reference = InMemory::new();
            let left: Vec<_> = store.list(None).map_ok(|meta| meta.location).try_collect().await.unwrap();
            let emptied: Vec<_> =
                store.delete_stream(futures::stream::iter(left).map(Ok).boxed()).collect().await;
            prop_assert!(emptied.iter().all(Result::is_ok));
            for act in &acts {
                let answer = perform(&*store, act).await.map_err(|error| class(&error));
                let expected = perform(&reference, act).await.map_err(|error| class(&error));
                prop_assert_eq!(answer, expected, "{:?}", act);
            }
            Ok(())
        })
    });
    outcome.unwrap();
}
