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

#[derive(Debug, Default)]
struct Counting {
    inner: MemoryStore,
    read: std::sync::atomic::AtomicUsize,
}

#[async_trait::async_trait]
impl KeyedStore for Counting {
    async fn get(&self, key: &str) -> Result<Option<(Version, Vec<u8>)>, StoreError> {
        self.read.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.inner.get(key).await
    }

    async fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let found = self.inner.scan(prefix, after, limit).await?;
        self.read.fetch_add(found.len(), std::sync::atomic::Ordering::Relaxed);
        Ok(found)
    }

    async fn commit(&self, transaction: Transaction) -> Result<(), StoreError> {
        self.inner.commit(transaction).await
    }
}

#[tokio::test]
async fn of_100_000_partitions_a_pruned_lookup_reads_only_those_that_match() {
    let store = Arc::new(Counting::default());
    let catalog = Catalog::new(store.clone());
    catalog.create_database(&database()).await.unwrap();
    let key = |name| serde_json::json!({"name": name, "ty": "String", "comment": null});
    let table: Table = serde_json::from_value(serde_json::json!({
        "id": 0, "database": "default", "name": "t", "kind": "Managed", "temporary": false, "columns": [],
        "partition_keys": [key("ds"), key("hr")], "storage": StorageDescriptor::default(), "properties": {},
        "owner": "me", "owner_kind": "USER", "created_seconds": 0, "last_access_seconds": 0, "retention": 0,
        "view": null, "constraints": [], "statistics": {}
    }))
    .unwrap();
    catalog.create_table(table).await.unwrap();
    let table = catalog.find_table("default", "t").await.unwrap().unwrap();
    let partition = |number: usize| Partition {
        values: vec![(number / 100).to_string(), (number % 100).to_string()],
        location: None,
        columns: Vec::new(),
        storage: None,
        properties: PropertyMap::new(),
        created_seconds: 0,
        last_access_seconds: 0,
        statistics: Default::default(),
        contents: None,
    };
    let all: Vec<Partition> = (0..100_000).map(partition).collect();
    catalog.add_partitions(&table, &all).await.unwrap();
    let read = || store.read.swap(0, std::sync::atomic::Ordering::Relaxed);
    read();
    let value = |text: &str| Some(text.to_owned());
    assert_eq!(catalog.partitions(&table.record, &vec![value("7"), None]).await.unwrap().len(), 100);
    assert_eq!(read(), 100);
    assert_eq!(catalog.partitions(&table.record, &vec![value("7"), value("3")]).await.unwrap().len(), 1);
    assert_eq!(read(), 1);
    assert_eq!(catalog.partitions(&table.record, &Vec::new()).await.unwrap().len(), 100_000);
}
