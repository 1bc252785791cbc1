//! Hive's class names: what `STORED AS` stands for, and which of our formats a SerDe is.

use super::FormatError;

/// The three classes that a table's storage names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classes {
    pub input: &'static str,
    pub output: &'static str,
    pub serde: &'static str,
}

pub const TEXT_INPUT: &str = "org.apache.hadoop.mapred.TextInputFormat";
pub const TEXT_OUTPUT: &str = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat";
pub const LAZY_SIMPLE: &str = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe";
const JSON: &str = "org.apache.hadoop.hive.serde2.JsonSerDe";
const SEQUENCE_INPUT: &str = "org.apache.hadoop.mapred.SequenceFileInputFormat";
const RC_INPUT: &str = "org.apache.hadoop.hive.ql.io.RCFileInputFormat";

const STORED_AS: &[(&str, Classes)] = &[
    ("TEXTFILE", Classes { input: TEXT_INPUT, output: TEXT_OUTPUT, serde: LAZY_SIMPLE }),
    ("JSONFILE", Classes { input: TEXT_INPUT, output: TEXT_OUTPUT, serde: JSON }),
    (
        "SEQUENCEFILE",
        Classes {
            input: SEQUENCE_INPUT,
            output: "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat",
            serde: LAZY_SIMPLE,
        },
    ),
    (
        "RCFILE",
        Classes {
            input: RC_INPUT,
            output: "org.apache.hadoop.hive.ql.io.RCFileOutputFormat",
            serde: "org.apache.hadoop.hive.serde2.columnar.LazyBinaryColumnarSerDe",
        },
    ),
    (
        "ORC",
        Classes {
            input: "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
            output: "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
            serde: "org.apache.hadoop.hive.ql.io.orc.OrcSerde",
        },
    ),
    (
        "PARQUET",
        Classes {
            input: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            output: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            serde: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        },
    ),
    (
        "AVRO",
        Classes {
            input: "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
            output: "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
            serde: "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
        },
    ),
];

/// Other words for the same storage.
const SYNONYMS: &[(&str, &str)] = &[("ORCFILE", "ORC"), ("PARQUETFILE", "PARQUET"), ("AVROFILE", "AVRO")];

/// The classes behind `STORED AS word`, in any case.
pub fn stored_as(word: &str) -> Option<Classes> {
    let word = word.to_ascii_uppercase();
    let word = SYNONYMS.iter().find(|(synonym, _)| *synonym == word).map_or(word.as_str(), |(_, word)| word);
    STORED_AS.iter().find(|(name, _)| *name == word).map(|(_, classes)| *classes)
}

/// How rows become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SerdeKind {
    LazySimple,
    MultiDelimit,
    OpenCsv,
    Regex,
    Json,
    Avro,
    Parquet,
    Orc,
    /// Hive's own binary rows and columns.
    Binary,
}

impl SerdeKind {
    pub(super) fn of(class: &str) -> Result<SerdeKind, FormatError> {
        let unknown = || FormatError::UnknownSerde(class.to_owned());
        let simple = class.strip_prefix("org.apache.").and_then(|rest| rest.rsplit('.').next());
        Ok(match simple.ok_or_else(unknown)? {
            "LazySimpleSerDe" | "MetadataTypedColumnsetSerDe" => SerdeKind::LazySimple,
            "MultiDelimitSerDe" => SerdeKind::MultiDelimit,
            "OpenCSVSerde" => SerdeKind::OpenCsv,
            "RegexSerDe" => SerdeKind::Regex,
            "JsonSerDe" => SerdeKind::Json,
            "AvroSerDe" => SerdeKind::Avro,
            "ParquetHiveSerDe" => SerdeKind::Parquet,
            "OrcSerde" => SerdeKind::Orc,
            "LazyBinarySerDe" | "LazyBinarySerDe2" | "ColumnarSerDe" | "LazyBinaryColumnarSerDe" => {
                SerdeKind::Binary
            }
            _ => return Err(unknown()),
        })
    }
}

/// What a file is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContainerKind {
    Lines,
    /// One byte string per row, whatever bytes it has.
    Records,
    Avro,
    Parquet,
    Orc,
    Columns,
}

impl ContainerKind {
    /// By the input format's class; a class that is not known holds lines.
    pub(super) fn of(input_format: &str) -> ContainerKind {
        match input_format.rsplit('.').next().unwrap_or_default() {
            "SequenceFileInputFormat" | "SequenceFileAsTextInputFormat" => ContainerKind::Records,
            "AvroContainerInputFormat" => ContainerKind::Avro,
            "MapredParquetInputFormat" => ContainerKind::Parquet,
            "OrcInputFormat" | "VectorizedOrcInputFormat" => ContainerKind::Orc,
            "RCFileInputFormat" => ContainerKind::Columns,
            _ => ContainerKind::Lines,
        }
    }
}

/// Whether a file that begins so can be none of this input format. Lines may begin with anything but with what begins the
/// files of another format.
pub fn is_of_other_format(input_format: &str, head: &[u8]) -> bool {
    let begins = |with: &str| head.starts_with(with.as_bytes());
    let holds_columns = || head.windows(6).any(|bytes| bytes == b"RCFile");
    // What stands in for Hive's binary formats here begins so, whatever it is called.
    if head.is_empty() || begins("PAR1") {
        return false;
    }
    match ContainerKind::of(input_format) {
        ContainerKind::Records => !begins("SEQ") || holds_columns(),
        ContainerKind::Columns => !(begins("RCF") || begins("SEQ") && holds_columns()),
        ContainerKind::Orc => !begins("ORC"),
        ContainerKind::Lines => {
            input_format.ends_with(".TextInputFormat") && (begins("SEQ\u{6}") || begins("RCF\u{1}"))
        }
        ContainerKind::Avro | ContainerKind::Parquet => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_as_knows_every_word_of_hive_in_any_case() {
        for word in ["textfile", "SequenceFile", "RCFILE", "orc", "ORCFILE", "Parquet", "avro", "JSONFILE"] {
            let classes = stored_as(word).unwrap();
            SerdeKind::of(classes.serde).unwrap();
        }
        assert_eq!(stored_as("custom"), None);
    }

    #[test]
    fn files_are_told_by_how_they_begin() {
        let input = |word: &str| stored_as(word).unwrap().input;
        let foreign = |word: &str, head: &[u8]| is_of_other_format(input(word), head);
        for word in ["sequencefile", "rcfile", "orc"] {
            assert!(foreign(word, b"238\x01val_238\n"), "{word}");
            assert!(!foreign(word, b"PAR1") && !foreign(word, b""), "{word}");
        }
        assert!(foreign("textfile", b"SEQ\x06\"org.apache") && !foreign("textfile", b"SEQUENCES\n"));
        assert!(!foreign("orc", b"ORC\x08") && !foreign("sequencefile", b"SEQ\x06org.apache.hadoop.io.Text"));
        let columns = b"SEQ\x06org.apache.hadoop.hive.ql.io.RCFile$KeyBuffer";
        assert!(foreign("sequencefile", columns) && !foreign("rcfile", columns));
    }

    #[test]
    fn both_packages_of_a_serde_are_the_same_serde() {
        for class in
            ["org.apache.hadoop.hive.contrib.serde2.RegexSerDe", "org.apache.hadoop.hive.serde2.RegexSerDe"]
        {
            assert_eq!(SerdeKind::of(class).unwrap(), SerdeKind::Regex);
        }
        assert_eq!(SerdeKind::of("org.apache.hive.hcatalog.data.JsonSerDe").unwrap(), SerdeKind::Json);
        assert!(SerdeKind::of("com.acme.TypedBytesSerDe").is_err());
    }
}
