//! Every format gives back what it took, says the bytes that Hive would, and fails on damage with the file's name.

use super::*;
use crate::types::StructField;
use datafusion::arrow::{
    array::*,
    buffer::{NullBuffer, OffsetBuffer},
    util::pretty::pretty_format_batches,
};
use futures::TryStreamExt;
use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
use proptest::prelude::*;
use std::collections::BTreeMap;

type Columns = Vec<(String, HiveType)>;

pub(crate) fn properties(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn format_of(
    word: &str,
    serde: Option<&str>,
    entries: &[(&str, &str)],
    columns: &Columns,
) -> FileFormat {
    let classes = stored_as(word).unwrap();
    let words = StorageWords {
        input_format: classes.input,
        output_format: classes.output,
        serde: serde.unwrap_or(classes.serde),
        serde_properties: &properties(entries),
        table_properties: &BTreeMap::new(),
    };
    FileFormat::new(words, columns).unwrap()
}

pub(crate) fn columns(types: &[(&str, HiveType)]) -> Columns {
    types.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn read_bytes(format: &FileFormat, name: &str, bytes: &[u8]) -> Result<RecordBatch, FormatError> {
    block_on(async {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        store.put(&Path::from(name), bytes.to_vec().into()).await.unwrap();
        let all: Vec<usize> = (0..format.columns().len()).collect();
        let options = ReadOptions::columns(all, 100);
        let schema = format.schema(&options);
        let batches = format.read(store, FileRange::whole(name, bytes.len() as u64), options);
        let batches: Vec<RecordBatch> = batches.try_collect().await?;
        Ok(datafusion::arrow::compute::concat_batches(&schema, &batches).unwrap())
    })
}

fn write_bytes(format: &FileFormat, batch: &RecordBatch, compression: Compression) -> Vec<u8> {
    block_on(async {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let sink = Sink::Store { store: store.clone(), path: "t/f".into() };
        let mut writer = format.writer(sink, compression).await.unwrap();
        writer.write(batch).await.unwrap();
        assert!(store.head(&Path::from("t/f")).await.is_err(), "seen before the close");
        let written = writer.close().await.unwrap();
        let bytes = store.get(&Path::from("t/f")).await.unwrap().bytes().await.unwrap();
        assert_eq!(written, Written { rows: batch.num_rows() as u64, bytes: bytes.len() as u64 });
        bytes.to_vec()
    })
}

fn shown(batch: &RecordBatch) -> String {
    pretty_format_batches(std::slice::from_ref(batch)).unwrap().to_string()
}

/// Values from a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    }

    fn text(&mut self) -> String {
        let alphabet: Vec<char> = "ab\\,\"\u{1}\u{2}\u{3}\n\r'é€{}: N".chars().collect();
        let length = self.next() % 6;
        let text: String =
            (0..length).map(|_| alphabet[(self.next() % alphabet.len() as u64) as usize]).collect();
        format!("{text}x")
    }

    fn nulls(&mut self, rows: usize) -> NullBuffer {
        (0..rows).map(|_| !self.next().is_multiple_of(4)).collect()
    }

    fn values<T>(&mut self, rows: usize, make: impl Fn(&mut Random) -> T) -> Vec<Option<T>> {
        (0..rows).map(|_| (!self.next().is_multiple_of(4)).then(|| make(self))).collect()
    }

    fn array(&mut self, ty: &HiveType, rows: usize) -> ArrayRef {
        let micros =
            |random: &mut Random| (random.next() % 4_000_000_000_000_000) as i64 - 2_000_000_000_000_000;
        match ty {
            HiveType::Boolean => {
                Arc::new(BooleanArray::from(self.values(rows, |random| random.next().is_multiple_of(2))))
            }
            HiveType::TinyInt => Arc::new(Int8Array::from(self.values(rows, |random| random.next() as i8))),
            HiveType::Int => Arc::new(Int32Array::from(self.values(rows, |random| random.next() as i32))),
            HiveType::BigInt => Arc::new(Int64Array::from(self.values(rows, |random| random.next() as i64))),
            HiveType::Double => {
                Arc::new(Float64Array::from(self.values(rows, |random| random.next() as f64 / 1e9 - 7.0)))
            }
            HiveType::Decimal { .. } => {
                let values = self.values(rows, |random| i128::from(random.next() % 2_000_000) - 1_000_000);
                Arc::new(Decimal128Array::from(values).with_data_type(ty.arrow()))
            }
            HiveType::String => Arc::new(StringArray::from(self.values(rows, Random::text))),
            HiveType::Varchar(_) | HiveType::Char(_) => {
                Arc::new(StringArray::from(self.values(rows, |random| {
                    random.text().chars().rev().take(4).collect::<String>().trim_end().to_owned()
                })))
            }
            HiveType::Binary => {
                let values = self.values(rows, |random| random.next().to_le_bytes()[..3].to_vec());
                Arc::new(values.into_iter().collect::<BinaryArray>())
            }
            HiveType::Date => {
                Arc::new(Date32Array::from(self.values(rows, |random| (random.next() % 40_000) as i32)))
            }
            HiveType::Timestamp => Arc::new(TimestampMicrosecondArray::from(self.values(rows, micros))),
            HiveType::Array(element) => {
                let lengths: Vec<usize> = (0..rows).map(|_| [0, 2, 3][(self.next() % 3) as usize]).collect();
                let values = self.array(element, lengths.iter().sum());
                let field = Arc::new(Field::new("item", element.arrow(), true));
                Arc::new(ListArray::new(
                    field,
                    OffsetBuffer::from_lengths(lengths),
                    values,
                    Some(self.nulls(rows)),
                ))
            }
            HiveType::Map(_, value) => {
                let lengths: Vec<usize> = (0..rows).map(|_| (self.next() % 3) as usize).collect();
                let keys = lengths.iter().flat_map(|length| (0..*length).map(|key| format!("k{key}")));
                let keys: Vec<String> = keys.collect();
                let keys = Arc::new(StringArray::from_iter_values(keys));
                let values = self.array(value, keys.len());
                text::map_array(keys, values, lengths, Some(self.nulls(rows)))
            }
            HiveType::Struct(fields) => {
                let children = fields.iter().map(|field| self.array(&field.ty, rows)).collect();
                let arrow =
                    fields.iter().map(|field| Field::new(&field.name, field.ty.arrow(), true)).collect();
                Arc::new(StructArray::new(arrow, children, Some(self.nulls(rows))))
            }
            other => new_null_array(&other.arrow(), rows),
        }
    }
}

fn primitive() -> impl Strategy<Value = HiveType> {
    prop_oneof![
        Just(HiveType::Boolean),
        Just(HiveType::TinyInt),
        Just(HiveType::Int),
        Just(HiveType::BigInt),
        Just(HiveType::Double),
        Just(HiveType::decimal(12, 3)),
        Just(HiveType::String),
        Just(HiveType::Varchar(5)),
        Just(HiveType::Char(5)),
        Just(HiveType::Binary),
        Just(HiveType::Date),
        Just(HiveType::Timestamp),
    ]
}

fn any_type() -> impl Strategy<Value = HiveType> {
    primitive().prop_recursive(2, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(HiveType::array),
            inner.clone().prop_map(|value| HiveType::map(HiveType::String, value)),
            (inner.clone(), inner).prop_map(|(a, b)| {
                let field = |name: &str, ty| StructField { name: name.to_owned(), ty };
                HiveType::Struct(vec![field("a", a), field("b", b)])
            }),
        ]
    })
}

fn table() -> impl Strategy<Value = (Columns, RecordBatch)> {
    (proptest::collection::vec(any_type(), 1..4), any::<u64>(), 0usize..20).prop_map(|(types, seed, rows)| {
        let columns: Columns = types.into_iter().enumerate().map(|(at, ty)| (format!("c{at}"), ty)).collect();
        let mut random = Random(seed);
        let arrays = columns.iter().map(|(_, ty)| random.array(ty, rows)).collect();
        let batch = RecordBatch::try_new(arrow_schema(&columns), arrays).unwrap();
        (columns, batch)
    })
}

const ESCAPED: &[(&str, &str)] = &[("escape.delim", "\\"), ("serialization.escape.crlf", "true")];

fn comes_back(word: &str, entries: &[(&str, &str)], columns: &Columns, batch: &RecordBatch) {
    // A row of one column that is empty is an empty line, which is a row; that of no rows at all is no file.
    let format = format_of(word, None, entries, columns);
    let bytes = write_bytes(&format, batch, Compression::None);
    let found = read_bytes(&format, "t/f", &bytes).unwrap();
    assert_eq!(shown(&found), shown(batch), "{word}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn text_comes_back((columns, batch) in table()) {
        comes_back("TEXTFILE", ESCAPED, &columns, &batch);
    }

    #[test]
    fn json_comes_back((columns, batch) in table()) {
        comes_back("JSONFILE", &[], &columns, &batch);
    }

    #[test]
    fn parquet_comes_back((columns, batch) in table()) {
        comes_back("PARQUET", &[("parquet.compression", "SNAPPY")], &columns, &batch);
    }

    #[test]
    fn orc_comes_back((columns, batch) in table()) {
        comes_back("ORC", &[], &columns, &batch);
    }

    #[test]
    fn avro_comes_back((columns, batch) in table()) {
        comes_back("AVRO", &[("avro.output.codec", "snappy")], &columns, &batch);
    }

    #[test]
    fn damage_is_an_error_that_names_the_file(
        (columns, batch) in table(), word in 0usize..5, cut in any::<u64>(), flip in any::<u64>(), value in any::<u8>(),
    ) {
        let word = ["TEXTFILE", "JSONFILE", "PARQUET", "ORC", "AVRO"][word];
        let format = format_of(word, None, &[], &columns);
        let mut bytes = write_bytes(&format, &batch, Compression::None);
        if !bytes.is_empty() {
            let at = (flip % bytes.len() as u64) as usize;
            bytes[at] = value;
            bytes.truncate((cut % (2 * bytes.len() as u64)) as usize);
        }
        if let Err(error) = read_bytes(&format, "dir/damaged.bin", &bytes) {
            prop_assert!(error.to_string().contains("dir/damaged.bin"), "{}", error);
        }
    }

    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), word in 0usize..5) {
        let columns = columns(&[("a", HiveType::Int), ("b", HiveType::array(HiveType::String))]);
        let word = ["TEXTFILE", "JSONFILE", "PARQUET", "ORC", "AVRO"][word];
        let read = read_bytes(&format_of(word, None, &[], &columns), "noise", &bytes);
        prop_assert!(word == "TEXTFILE" || bytes.is_empty() || read.is_err() || word == "JSONFILE");
    }
}

fn golden_table() -> (Columns, RecordBatch) {
    let columns = columns(&[
        ("a", HiveType::Int),
        ("b", HiveType::Double),
        ("c", HiveType::String),
        ("d", HiveType::decimal(6, 2)),
        ("e", HiveType::Timestamp),
        ("f", HiveType::array(HiveType::String)),
    ]);
    let list = ListArray::new(
        Arc::new(Field::new("item", HiveType::String.arrow(), true)),
        OffsetBuffer::from_lengths([2, 0]),
        Arc::new(StringArray::from(vec![Some("x"), None])),
        None,
    );
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![Some(1), None])),
        Arc::new(Float64Array::from(vec![1e7, 0.5])),
        Arc::new(StringArray::from(vec![Some("a\"b"), None])),
        Arc::new(Decimal128Array::from(vec![150, -5]).with_data_type(HiveType::decimal(6, 2).arrow())),
        Arc::new(TimestampMicrosecondArray::from(vec![1_500_000, 0])),
        Arc::new(list),
    ];
    let batch = RecordBatch::try_new(arrow_schema(&columns), arrays).unwrap();
    (columns, batch)
}

#[test]
fn text_is_written_as_hive_writes_it() {
    let (columns, batch) = golden_table();
    let bytes = write_bytes(&format_of("TEXTFILE", None, &[], &columns), &batch, Compression::None);
    let expected = "1\x011.0E7\x01a\"b\x011.50\x011970-01-01 00:00:01.5\x01x\x02\\N\n\
        \\N\x010.5\x01\\N\x01-0.05\x011970-01-01 00:00:00\x01\n";
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}

#[test]
fn json_is_written_as_hive_writes_it() {
    let (columns, batch) = golden_table();
    let bytes = write_bytes(&format_of("JSONFILE", None, &[], &columns), &batch, Compression::None);
    let expected = r#"{"a":1,"b":1.0E7,"c":"a\"b","d":1.50,"e":"1970-01-01 00:00:01.5","f":["x",null]}
{"a":null,"b":0.5,"c":null,"d":-0.05,"e":"1970-01-01 00:00:00","f":[]}
"#;
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}

#[test]
fn csv_is_written_quoted_and_read_back() {
    let columns = columns(&[("a", HiveType::Int), ("b", HiveType::String)]);
    let format = format_of("TEXTFILE", Some("org.apache.hadoop.hive.serde2.OpenCSVSerde"), &[], &columns);
    assert!(format.columns().iter().all(|(_, ty)| *ty == HiveType::String));
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["1", "2"])),
        Arc::new(StringArray::from(vec![Some("a\"b,c"), None])),
    ];
    let batch = RecordBatch::try_new(arrow_schema(format.columns()), arrays).unwrap();
    let bytes = write_bytes(&format, &batch, Compression::None);
    assert_eq!(bytes, b"\"1\",\"a\"\"b,c\"\n\"2\",\n");
    let found = read_bytes(&format, "f", &bytes).unwrap();
    assert_eq!(found.column(1).as_string::<i32>().value(0), "a\"b,c");
}

#[test]
fn compressed_text_is_read_by_its_ending() {
    let (columns, batch) = golden_table();
    let format = format_of("TEXTFILE", None, &[], &columns);
    for compression in [Compression::Gzip, Compression::Bzip2, Compression::Zstd, Compression::Snappy] {
        let bytes = write_bytes(&format, &batch, compression);
        let name = format!("f{}", format.ending(compression));
        assert_eq!(shown(&read_bytes(&format, &name, &bytes).unwrap()), shown(&batch));
        let error = read_bytes(&format, &name, &bytes[..bytes.len() - 3]).unwrap_err();
        assert!(error.to_string().contains(&name));
    }
}

#[test]
fn columns_that_a_file_lacks_are_null_and_types_may_change() {
    let old = columns(&[("a", HiveType::Int), ("b", HiveType::String)]);
    let arrays: Vec<ArrayRef> =
        vec![Arc::new(Int32Array::from(vec![1, 300])), Arc::new(StringArray::from(vec!["7", "x"]))];
    let batch = RecordBatch::try_new(arrow_schema(&old), arrays).unwrap();
    let new = columns(&[("B", HiveType::Int), ("new", HiveType::Date), ("a", HiveType::TinyInt)]);
    for word in ["PARQUET", "ORC", "AVRO"] {
        let bytes = write_bytes(&format_of(word, None, &[], &old), &batch, Compression::None);
        let found = read_bytes(&format_of(word, None, &[], &new), "f", &bytes).unwrap();
        assert_eq!(found.column(0).as_ref(), &Int32Array::from(vec![Some(7), None]) as &dyn Array, "{word}");
        assert_eq!(found.column(1).null_count(), 2);
        assert_eq!(found.column(2).as_ref(), &Int8Array::from(vec![Some(1), None]) as &dyn Array, "{word}");
    }
}

#[test]
fn a_bad_document_names_its_file_and_place_unless_it_is_ignored() {
    let columns = columns(&[("a", HiveType::Int)]);
    let text = b"{\"A\":1}\n{\"a\":\n";
    let error = read_bytes(&format_of("JSONFILE", None, &[], &columns), "x.json", text).unwrap_err();
    assert!(error.to_string().starts_with("x.json, byte 8"), "{error}");
    let ignoring = format_of("JSONFILE", None, &[("ignore.malformed.json", "true")], &columns);
    let found = read_bytes(&ignoring, "x.json", text).unwrap();
    assert_eq!(found.column(0).as_ref(), &Int32Array::from(vec![Some(1), None]) as &dyn Array);
}

#[test]
fn virtual_columns_say_where_a_row_lies() {
    let format = format_of("TEXTFILE", None, &[], &columns(&[("a", HiveType::Int)]));
    let found = block_on(async {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        store.put(&Path::from("t/f"), "10\n2\n".into()).await.unwrap();
        let options = ReadOptions {
            virtual_columns: vec![
                VirtualColumn::BlockOffsetInsideFile,
                VirtualColumn::InputFileName,
                VirtualColumn::RowOffsetInsideBlock,
            ],
            file_name_prefix: "mem:/".into(),
            ..ReadOptions::columns([0], 10)
        };
        let batches: Vec<RecordBatch> =
            format.read(store, FileRange::whole("t/f", 5), options).try_collect().await.unwrap();
        batches.into_iter().next().unwrap()
    });
    assert_eq!(found.column(1).as_ref(), &Int64Array::from(vec![0, 3]) as &dyn Array);
    assert_eq!(found.column(2).as_string::<i32>().value(1), "mem:/t/f");
    assert_eq!(found.column(3).as_ref(), &Int64Array::from(vec![0, 0]) as &dyn Array);
}

#[test]
fn a_regex_gives_its_groups_and_null_where_it_does_not_match() {
    let columns = columns(&[("host", HiveType::String), ("n", HiveType::Int)]);
    let serde = "org.apache.hadoop.hive.serde2.RegexSerDe";
    let format = format_of("TEXTFILE", Some(serde), &[("input.regex", "([^ ]*) (\\d+|-)")], &columns);
    let found = read_bytes(&format, "f", b"a 1\nb -\nno match here\n").unwrap();
    assert_eq!(found.column(0).as_ref(), &StringArray::from(vec![Some("a"), Some("b"), None]) as &dyn Array);
    assert_eq!(found.column(1).as_ref(), &Int32Array::from(vec![Some(1), None, None]) as &dyn Array);
}
