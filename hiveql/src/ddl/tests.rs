//! Statements by hand against a store in memory.

use super::*;
use crate::{
    catalog::{Catalog, MemoryStore, SessionCatalog},
    functions::SessionFacts,
    syntax::ast::*,
    types::HiveType,
};
use object_store::{ObjectStore, memory::InMemory, path::Path};
use std::sync::Arc;

struct OneStore(Arc<dyn ObjectStore>);

impl Stores for OneStore {
    fn resolve(&self, location: &str) -> Result<(Arc<dyn ObjectStore>, Path), DdlError> {
        let path = Path::parse(location.trim_start_matches('/')).map_err(|error| DdlError::Location {
            location: location.to_owned(),
            reason: error.to_string(),
        })?;
        Ok((self.0.clone(), path))
    }
}

fn name(text: &str) -> Name {
    Name { text: text.to_owned(), quoted: false, span: Span::default() }
}

fn object(text: &str) -> ObjectName {
    ObjectName { parts: text.split('.').map(name).collect(), span: Span::default() }
}

fn column(text: &str, ty: HiveType) -> ColumnDefinition {
    ColumnDefinition { name: name(text), ty: Some(ty), comment: None, constraints: Vec::new() }
}

fn create(table: &str) -> Statement {
    Statement::CreateTable(Box::new(CreateTable {
        name: object(table),
        temporary: false,
        external: false,
        transactional: false,
        if_not_exists: false,
        columns: vec![column("key1", HiveType::Int)],
        constraints: Vec::new(),
        comment: None,
        partitioned_by: vec![column("ds", HiveType::String), column("hr", HiveType::Int)],
        clustered_by: None,
        skewed_by: None,
        row_format: None,
        format: None,
        location: None,
        properties: Vec::new(),
        source: CreateSource::None,
    }))
}

fn spec(ds: &str, hr: &str) -> PartitionSpec {
    let text = |text: &str| {
        let kind = ExprKind::Literal(Literal::String(text.to_owned()));
        Some(Expr { kind, span: Span::default() })
    };
    vec![(name("ds"), text(ds)), (name("hr"), text(hr))]
}

fn alter(action: AlterAction) -> Statement {
    Statement::AlterTable(Box::new(AlterTable { table: object("t1"), partition: None, view: false, action }))
}

fn lines(output: Output) -> Vec<String> {
    output.rows.into_iter().map(|row| row.into_iter().flatten().collect::<Vec<_>>().join("\t")).collect()
}

#[tokio::test]
async fn a_partitioned_table_is_made_shown_and_described_as_in_hive() {
    let catalog = SessionCatalog::new(Catalog::new(Arc::new(MemoryStore::default())));
    let stores = OneStore(Arc::new(InMemory::new()));
    let facts = SessionFacts {
        timezone: chrono_tz::UTC,
        now: chrono::Utc::now(),
        user: "me".to_owned(),
        database: "default".to_owned(),
        settings: Default::default(),
        scripts: Default::default(),
    };
    let context = DdlContext {
        catalog: &catalog,
        stores: &stores,
        settings: &|_| None,
        facts: &facts,
        warehouse: "/warehouse",
    };
    ensure_default(&context).await.unwrap();
    execute(&context, &create("T1")).await.unwrap();
    assert!(execute(&context, &create("t1")).await.is_err());
    let partitions = vec![(spec("2008-04-08", "011"), None), (spec("a/b", "12"), None)];
    let add = alter(AlterAction::AddPartitions { partitions, if_not_exists: false });
    execute(&context, &add).await.unwrap();
    assert!(execute(&context, &add).await.is_err());
    let show = Statement::Show(Show::Partitions {
        table: object("t1"),
        partition: Vec::new(),
        filter: None,
        order_by: Vec::new(),
        limit: None,
    });
    let shown = lines(execute(&context, &show).await.unwrap());
    assert_eq!(shown, ["ds=2008-04-08/hr=11", "ds=a%2Fb/hr=12"]);
    execute(&context, &alter(AlterAction::Rename(object("t2")))).await.unwrap();
    let describe = |column: Vec<Name>| {
        let (name, partition) = (object("t2"), Vec::new());
        Statement::Describe(Describe::Table { name, partition, column, detail: Detail::Plain })
    };
    let described = lines(execute(&context, &describe(vec![name("key1")])).await.unwrap());
    assert_eq!(described, ["key1                \tint                 \tfrom deserializer   "]);
    let described = lines(execute(&context, &describe(Vec::new())).await.unwrap());
    assert_eq!(described[3..5], ["\t \t ", "# Partition Information\t \t "]);
    let drop = Statement::DropTable { name: object("t2"), if_exists: false, purge: false };
    execute(&context, &drop).await.unwrap();
    assert_eq!(catalog.tables("default").await.unwrap(), Vec::new());
}
