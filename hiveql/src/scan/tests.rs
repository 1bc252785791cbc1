//! A scan prunes, splits, limits, and can be made anew from its description.

use super::*;
use crate::formats::{Sink, StorageWords, stored_as};
use datafusion::{
    arrow::{array::AsArray, datatypes::Int64Type},
    physical_plan::{collect, displayable},
    prelude::{SessionConfig, SessionContext},
};
use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
use std::collections::BTreeMap;

fn format(word: &str, columns: &[(String, HiveType)]) -> Arc<FileFormat> {
    let classes = stored_as(word).unwrap();
    let none = BTreeMap::new();
    let words = StorageWords {
        input_format: classes.input,
        output_format: classes.output,
        serde: classes.serde,
        serde_properties: &none,
        table_properties: &none,
    };
    Arc::new(FileFormat::new(words, columns).unwrap())
}

async fn session(word: &str) -> (SessionContext, Arc<dyn ObjectStore>) {
    let columns = vec![("a".to_owned(), HiveType::BigInt), ("b".to_owned(), HiveType::String)];
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let format = format(word, &columns);
    let mut parts = Vec::new();
    for day in 0..3 {
        let path = format!("t/day={day}/000000_0");
        let sink = Sink::Store { store: store.clone(), path: path.clone() };
        let mut writer = format.writer(sink, crate::formats::Compression::None).await.unwrap();
        let numbers = datafusion::arrow::array::Int64Array::from_iter_values((0..100).map(|n| n + day * 100));
        let texts =
            datafusion::arrow::array::StringArray::from_iter_values((0..100).map(|n| format!("row {n}")));
        let schema = crate::formats::arrow_schema(&columns);
        let batch = datafusion::arrow::record_batch::RecordBatch::try_new(
            schema,
            vec![Arc::new(numbers), Arc::new(texts)],
        );
        writer.write(&batch.unwrap()).await.unwrap();
        writer.close().await.unwrap();
        let size = store.head(&Path::from(path.as_str())).await.unwrap().size;
        let partition_values = vec![ScalarValue::Int32(Some(day as i32))];
        parts.push(Part { format: format.clone(), files: vec![(path, size)], partition_values, buckets: 0 });
    }
    let table = HiveTable::fixed(ScanParts {
        shape: ScanShape {
            columns,
            partition_columns: vec![("day".to_owned(), HiveType::Int)],
            virtual_columns: vec![VirtualColumn::InputFileName],
        },
        parts,
        store: store.clone(),
        file_name_prefix: "mem:/".to_owned(),
    });
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    context.register_table("t", Arc::new(table)).unwrap();
    (context, store)
}

#[tokio::test]
async fn partitions_are_pruned_and_rows_filtered_in_every_format() {
    for word in ["TEXTFILE", "PARQUET", "ORC", "AVRO"] {
        let (context, store) = session(word).await;
        let table = context.table("t").await.unwrap();
        let filter = datafusion::prelude::col("day")
            .gt(datafusion::prelude::lit(0))
            .and(datafusion::prelude::col("a").lt(datafusion::prelude::lit(150i64)));
        let frame = table.filter(filter).unwrap().select_columns(&["day", "a"]).unwrap();
        let plan = frame.create_physical_plan().await.unwrap();
        let shown = displayable(plan.as_ref()).indent(true).to_string();
        assert!(shown.contains("parts=2"), "{shown}");
        let batches = collect(plan.clone(), context.task_ctx()).await.unwrap();
        assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 50, "{word}");
        let mut leaf = plan;
        while let Some(child) = leaf.children().first().map(|child| Arc::clone(child)) {
            leaf = child;
        }
        let scan = (leaf.as_ref() as &dyn std::any::Any).downcast_ref::<HiveScanExec>().unwrap();
        let text = serde_json::to_string(scan.description()).unwrap();
        let again = HiveScanExec::try_new(serde_json::from_str(&text).unwrap(), store).unwrap();
        let batches = collect(Arc::new(again), context.task_ctx()).await.unwrap();
        let values = batches.iter().flat_map(|batch| {
            batch.column_by_name("a").unwrap().as_primitive::<Int64Type>().values().to_vec()
        });
        assert!(values.sum::<i64>() >= (100..150).sum::<i64>());
    }
}

#[tokio::test]
async fn counts_need_no_column_and_virtual_columns_are_there() {
    let (context, _) = session("TEXTFILE").await;
    let count = context.table("t").await.unwrap().count().await.unwrap();
    assert_eq!(count, 300);
    let columns = ["INPUT__FILE__NAME", "day"].map(datafusion::prelude::ident);
    let frame = context.table("t").await.unwrap().select(columns).unwrap();
    let batches = frame.limit(0, Some(1)).unwrap().collect().await.unwrap();
    assert_eq!(batches[0].column(0).as_string::<i32>().value(0), "mem:/t/day=0/000000_0");
}
