//! The words of STORED AS, and the classes that they stand for.

use crate::catalog::StorageDescriptor;

const LAZY: &str = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe";
const TEXT_INPUT: &str = "org.apache.hadoop.mapred.TextInputFormat";
const TEXT_OUTPUT: &str = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat";
const SEQUENCE_INPUT: &str = "org.apache.hadoop.mapred.SequenceFileInputFormat";
const SEQUENCE_OUTPUT: &str = "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat";

/// word, input format, output format, serde
const WORDS: [(&str, &str, &str, &str); 7] = [
    ("TEXTFILE", TEXT_INPUT, TEXT_OUTPUT, LAZY),
    ("SEQUENCEFILE", SEQUENCE_INPUT, SEQUENCE_OUTPUT, LAZY),
    (
        "RCFILE",
        "org.apache.hadoop.hive.ql.io.RCFileInputFormat",
        "org.apache.hadoop.hive.ql.io.RCFileOutputFormat",
        "org.apache.hadoop.hive.serde2.columnar.LazyBinaryColumnarSerDe",
    ),
    (
        "ORC",
        "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
        "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
        "org.apache.hadoop.hive.ql.io.orc.OrcSerde",
    ),
    (
        "PARQUET",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    ),
    (
        "AVRO",
        "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
        "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
        "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
    ),
    ("JSONFILE", TEXT_INPUT, TEXT_OUTPUT, "org.apache.hadoop.hive.serde2.JsonSerDe"),
];

/// The classes of a word; `None` for a word that names no format. ORCFILE and PARQUETFILE are Hive's second names.
pub fn classes(word: &str) -> Option<StorageDescriptor> {
    let word = match word.to_uppercase().as_str() {
        "ORCFILE" => "ORC".to_owned(),
        "PARQUETFILE" => "PARQUET".to_owned(),
        "AVROFILE" => "AVRO".to_owned(),
        word => word.to_owned(),
    };
    let (_, input, output, serde) = WORDS.iter().find(|(name, ..)| *name == word)?;
    Some(StorageDescriptor {
        input_format: (*input).to_owned(),
        output_format: (*output).to_owned(),
        serde: (*serde).to_owned(),
        ..StorageDescriptor::default()
    })
}
