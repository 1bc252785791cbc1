//! Which files a scan is given, over a catalog and a store in memory.

use super::*;
use crate::{
    catalog::{Attempts, Catalog, Contents, MemoryStore, SessionCatalog, Table},
    ddl::{DdlContext, DdlError, Stores, ensure_default},
    functions::SessionFacts,
    scan::TableFiles,
};
use object_store::{ObjectStore, ObjectStoreExt, memory::InMemory, path::Path};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Clone)]
struct OneStore(Arc<dyn ObjectStore>);

impl Stores for OneStore {
    fn resolve(&self, location: &str) -> Result<(Arc<dyn ObjectStore>, Path), DdlError> {
        let bad = |error: object_store::path::Error| DdlError::Location {
            location: location.to_owned(),
            reason: error.to_string(),
        };
        Ok((self.0.clone(), Path::parse(location.trim_start_matches('/')).map_err(bad)?))
    }
}

#[tokio::test]
async fn a_scan_sees_the_files_of_published_writes_and_those_of_others() {
    let catalog = SessionCatalog::new(Catalog::new(Arc::new(MemoryStore::default())));
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let stores = OneStore(store.clone());
    let facts = SessionFacts {
        timezone: chrono_tz::UTC,
        now: chrono::Utc::now(),
        user: "me".to_owned(),
        database: "default".to_owned(),
        settings: Default::default(),
        scripts: Default::default(),
    };
    let (catalog_, stores_, facts_) = (&catalog, &stores, &facts);
    let context = DdlContext {
        catalog: catalog_,
        stores: stores_,
        settings: &|_| None,
        facts: facts_,
        warehouse: "/w",
    };
    ensure_default(&context).await.unwrap();
    let mut table: Table = serde_json::from_value(serde_json::json!({
        "id": 0, "database": "default", "name": "t", "kind": "Managed", "temporary": false,
        "columns": [{"name": "a", "ty": "Int", "comment": null}], "partition_keys": [],
        "storage": {"location": "/w/t", "input_format": crate::formats::TEXT_INPUT,
            "output_format": crate::formats::TEXT_OUTPUT, "serde": crate::formats::LAZY_SIMPLE,
            "serde_properties": {}, "handler": null, "bucket_columns": [], "buckets": 0, "sort_columns": [],
            "skew": null},
        "properties": {}, "owner": "me", "owner_kind": "USER", "created_seconds": 0,
        "last_access_seconds": 0, "retention": 0, "view": null, "constraints": [], "statistics": {}
    }))
    .unwrap();
    table.contents =
        Some(Contents { writes: BTreeMap::from([(17, Attempts::new())]), ..Contents::default() });
    let table = catalog.create_table(table).await.unwrap();
    for name in ["000000_0-w17", "000000_0-w18", "000000_0-w17-a1", "kv1.txt", "_SUCCESS", "deep/kv2.txt"] {
        store.put(&Path::parse(format!("w/t/{name}")).unwrap(), "1\n".into()).await.unwrap();
    }
    let files = StoredFiles::new(&context, Arc::new(stores.clone()), table, Vec::new()).unwrap();
    let parts = files.parts(&[0]).await.unwrap();
    let names: Vec<&str> = parts.parts[0].files.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(names, ["w/t/000000_0-w17", "w/t/kv1.txt"]);
}
