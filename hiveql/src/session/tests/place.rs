//! A warehouse in a scratch directory that several sessions share, one after the other or at once.

use super::super::{Answer, Home, LocalStores, Session, SessionOptions};
use crate::{
    catalog::{Entry, KeyedStore, MemoryStore, StoreError, Transaction, Version},
    render::Renderer,
};
use async_trait::async_trait;
use futures::TryStreamExt;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

/// A warehouse and the store of its catalog.
pub(super) struct Place {
    folder: tempfile::TempDir,
    pub store: Arc<dyn KeyedStore>,
}

impl Place {
    pub fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap(), store: Arc::new(MemoryStore::default()) }
    }

    pub fn warehouse(&self) -> PathBuf {
        self.folder.path().join("warehouse")
    }

    /// For EXPORT and its like.
    pub fn beside(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub async fn open(&self) -> Runner {
        self.open_over(self.store.clone()).await
    }

    pub async fn open_over(&self, store: Arc<dyn KeyedStore>) -> Runner {
        self.open_within(store, 256 << 20).await
    }

    pub async fn open_with(&self, memory_bytes: usize) -> Runner {
        self.open_within(self.store.clone(), memory_bytes).await
    }

    async fn open_within(&self, store: Arc<dyn KeyedStore>, memory_bytes: usize) -> Runner {
        let options = SessionOptions {
            warehouse: self.warehouse(),
            database: None,
            conf: vec![("hive.local.time.zone".to_owned(), "UTC".to_owned())],
            variables: vec![],
            user: "tester".to_owned(),
            partitions: 2,
            memory_bytes,
            owner: String::new(),
        };
        std::fs::create_dir_all(self.warehouse()).unwrap();
        let warehouse = self.warehouse().display().to_string();
        let home = Home {
            catalog: store,
            stores: Arc::new(LocalStores::default()),
            cluster: None,
            warehouse: format!("file:{warehouse}"),
            warehouse_shown: warehouse,
        };
        let session = Session::open(home, options).await.unwrap();
        session.sweep(|_| true).await.unwrap();
        Runner { session }
    }

    /// The data files below a folder of the warehouse, by name.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let mut found = Vec::new();
        list(&self.warehouse().join(folder), "", &mut found);
        found.sort();
        found
    }
}

fn list(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.file_type().unwrap().is_dir() {
            true => list(&entry.path(), &format!("{name}/"), found),
            false => found.push(name),
        }
    }
}

pub(super) struct Runner {
    session: Session,
}

impl Runner {
    /// What it prints, a line per row.
    pub async fn try_run(&mut self, sql: &str) -> Result<Vec<String>, String> {
        let rows = match self.session.run(sql).await.map_err(|error| error.to_string())? {
            Answer::Rows(rows) => rows,
            Answer::Text(lines) => return Ok(lines),
            _ => return Ok(vec![]),
        };
        let (columns, facts) = (rows.columns, rows.facts);
        let batches: Vec<_> = rows.stream.try_collect().await.map_err(|error| error.to_string())?;
        let mut lines = Vec::new();
        for batch in batches {
            for row in 0..batch.num_rows() {
                let cells = batch.columns().iter().zip(&columns).map(|(array, (_, ty))| {
                    let mut text = Vec::new();
                    match Renderer::new(array, ty, &facts).unwrap().write(row, &mut text) {
                        true => String::from_utf8(text).unwrap(),
                        false => "NULL".to_owned(),
                    }
                });
                lines.push(cells.collect::<Vec<_>>().join(" "));
            }
        }
        Ok(lines)
    }

    pub async fn run(&mut self, sql: &str) -> Vec<String> {
        self.try_run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub async fn run_all(&mut self, statements: &[&str]) {
        for sql in statements {
            self.run(sql).await;
        }
    }

    pub async fn fails(&mut self, sql: &str) -> String {
        match self.try_run(sql).await {
            Ok(lines) => panic!("{sql} does not fail: {lines:?}"),
            Err(error) => error,
        }
    }

    /// Of a property that DESCRIBE FORMATTED shows.
    pub async fn shown(&mut self, table: &str, property: &str) -> String {
        let lines = self.run(&format!("describe formatted {table}")).await;
        let line = lines.iter().find(|line| line.contains(property));
        line.and_then(|line| line.split_whitespace().last()).unwrap_or_default().to_owned()
    }
}

/// A store that stops for ever at a commit, as if the process were killed there.
#[derive(Debug)]
pub(super) struct Halting {
    inner: Arc<dyn KeyedStore>,
    /// How many commits still go through.
    pub left: AtomicI64,
    /// Whether the last one is done before it stops.
    pub after: bool,
    pub halted: tokio::sync::Notify,
}

impl Halting {
    pub fn new(inner: Arc<dyn KeyedStore>, after: bool) -> Halting {
        Halting { inner, left: AtomicI64::new(i64::MAX), after, halted: tokio::sync::Notify::new() }
    }
}

#[async_trait]
impl KeyedStore for Halting {
    async fn get(&self, key: &str) -> Result<Option<(Version, Vec<u8>)>, StoreError> {
        self.inner.get(key).await
    }

    async fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.inner.scan(prefix, after, limit).await
    }

    async fn commit(&self, transaction: Transaction) -> Result<(), StoreError> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left > 1 || (left == 1 && !self.after) {
            return self.inner.commit(transaction).await;
        }
        if left == 1 {
            self.inner.commit(transaction).await?;
        }
        self.halted.notify_one();
        std::future::pending().await
    }
}
