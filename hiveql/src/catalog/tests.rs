//! The catalog over its stores.

use super::*;
use std::time::Duration;

fn database() -> Database {
    Database {
        name: "default".to_owned(),
        comment: None,
        location: "memory:///w".to_owned(),
        managed_location: None,
        owner: "me".to_owned(),
        owner_kind: "USER".to_owned(),
        properties: PropertyMap::new(),
    }
}

async fn conflict_is_clear(catalog: Catalog) {
    catalog.create_database(&database()).await.unwrap();
    let again = catalog.create_database(&database()).await.unwrap_err();
    assert!(matches!(again, CatalogError::DatabaseExists(_)));
    let read = catalog.database("DEFAULT").await.unwrap();
    let new = Database { owner: "other".to_owned(), ..read.record.clone() };
    catalog.alter_database(&read, &new).await.unwrap();
    assert!(catalog.alter_database(&read, &new).await.unwrap_err().is_conflict());
    assert_eq!(catalog.databases().await.unwrap(), vec![new]);
}

#[tokio::test]
async fn of_two_that_alter_what_both_read_the_second_is_told() {
    conflict_is_clear(Catalog::new(Arc::new(MemoryStore::default()))).await;
    let folder = tempfile::tempdir().unwrap();
    let store = DurableStore::open(&folder.path().join("catalog"), Duration::ZERO).await.unwrap();
    conflict_is_clear(Catalog::new(Arc::new(store))).await;
}

#[tokio::test]
async fn a_second_opener_of_a_file_is_told_that_it_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog");
    let first = DurableStore::open(&path, Duration::ZERO).await.unwrap();
    let second = DurableStore::open(&path, Duration::ZERO).await;
    assert!(matches!(second, Err(StoreError::InUse { .. })));
    drop(first);
    DurableStore::open(&path, Duration::from_secs(1)).await.unwrap();
}
