//! OpenCSVSerde: quoted fields of a line, all of them strings.

use super::{
    FormatError,
    lines::Lines,
    rows::{BadRow, EncodedRows, RowSerde},
    storage::Storage,
};
use crate::types::HiveType;
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, StringBuilder},
    record_batch::RecordBatch,
};
use std::{borrow::Cow, sync::Arc};

const READ_ESCAPE: char = '\\';
const WRITE_ESCAPE: char = '"';

#[derive(Debug)]
pub(super) struct Csv {
    separator: char,
    quote: char,
    /// Where none is said, opencsv reads with one and writes with another.
    read_escape: char,
    write_escape: char,
}

impl Csv {
    pub fn new(storage: &Storage) -> Result<Csv, FormatError> {
        let character = |name: &str| storage.get(name).and_then(|word| word.chars().next());
        let escape = character("escapeChar").filter(|escape| *escape != WRITE_ESCAPE);
        let csv = Csv {
            separator: character("separatorChar").unwrap_or(','),
            quote: character("quoteChar").unwrap_or('"'),
            read_escape: escape.unwrap_or(READ_ESCAPE),
            write_escape: escape.unwrap_or(WRITE_ESCAPE),
        };
        if csv.separator == csv.quote || csv.separator == csv.read_escape || csv.quote == csv.read_escape {
            return Err(FormatError::Property {
                name: "separatorChar",
                value: csv.separator.to_string(),
                reason: "separator, quote and escape must differ".to_owned(),
            });
        }
        Ok(csv)
    }

    /// Whatever a table's definition says, its columns are strings.
    pub fn columns(declared: &[(String, HiveType)]) -> Vec<(String, HiveType)> {
        declared.iter().map(|(name, _)| (name.clone(), HiveType::String)).collect()
    }

    /// The fields of a line, in the grammar of opencsv 2.3; of a quote that never ends, nothing.
    fn split(&self, line: &str, fields: &mut Vec<String>) {
        fields.clear();
        if line.is_empty() {
            return;
        }
        let mut field = String::new();
        let mut quoted = false;
        let mut before = None;
        let mut rest = line.char_indices().peekable();
        while let Some((index, character)) = rest.next() {
            let next = rest.peek().map(|(_, next)| *next);
            let doubled = quoted && next == Some(self.quote);
            if character == self.read_escape {
                if doubled || (quoted && next == Some(self.read_escape)) {
                    field.extend(rest.next().map(|(_, escaped)| escaped));
                }
            } else if character == self.quote {
                if doubled {
                    field.extend(rest.next().map(|(_, quote)| quote));
                } else {
                    let inside = index > 2 && before != Some(self.separator);
                    if inside && next.is_some_and(|next| next != self.separator) {
                        // Blanks before an opening quote do not count.
                        if field.trim().is_empty() { field.clear() } else { field.push(character) }
                    }
                    quoted = !quoted;
                }
            } else if character == self.separator && !quoted {
                fields.push(std::mem::take(&mut field));
            } else {
                field.push(character);
            }
            before = Some(character);
        }
        if !quoted {
            fields.push(field);
        }
    }
}

impl RowSerde for Csv {
    fn decode(&self, lines: &Lines, projection: &[usize]) -> Result<Vec<ArrayRef>, BadRow> {
        let mut columns: Vec<StringBuilder> = projection.iter().map(|_| StringBuilder::new()).collect();
        let mut fields = Vec::new();
        for line in lines.iter() {
            let line: Cow<'_, str> = String::from_utf8_lossy(line);
            self.split(&line, &mut fields);
            for (column, index) in columns.iter_mut().zip(projection) {
                column.append_option(fields.get(*index));
            }
        }
        Ok(columns.into_iter().map(|mut column| Arc::new(column.finish()) as ArrayRef).collect())
    }

    fn encode(&self, batch: &RecordBatch, rows: &mut EncodedRows) {
        let mut character = [0; 4];
        for row in 0..batch.num_rows() {
            for (index, array) in batch.columns().iter().enumerate() {
                let mut push = |what: char| {
                    rows.bytes.extend_from_slice(what.encode_utf8(&mut character).as_bytes());
                };
                if index > 0 {
                    push(self.separator);
                }
                if array.is_null(row) {
                    continue;
                }
                push(self.quote);
                for what in array.as_string::<i32>().value(row).chars() {
                    if what == self.quote || what == self.write_escape {
                        push(self.write_escape);
                    }
                    push(what);
                }
                push(self.quote);
            }
            rows.end_row();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn csv(properties: &[(&str, &str)]) -> Csv {
        let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Csv::new(&Storage {
            input_format: String::new(),
            output_format: String::new(),
            serde: String::new(),
            serde_properties: properties.collect(),
            table_properties: BTreeMap::new(),
        })
        .unwrap()
    }

    fn split(csv: &Csv, line: &str) -> Vec<String> {
        let mut fields = Vec::new();
        csv.split(line, &mut fields);
        fields
    }

    #[test]
    fn quotes_hide_separators_and_double_to_one() {
        let csv = csv(&[]);
        assert_eq!(split(&csv, r#"a,"b,c","d""e",,"f\"g""#), ["a", "b,c", "d\"e", "", "f\"g"]);
        assert_eq!(split(&csv, r#"1, "x""#), ["1", "x"]);
        assert_eq!(split(&csv, r#"1,"x"#), ["1"]);
        assert!(split(&csv, "").is_empty());
    }

    #[test]
    fn separator_and_quote_can_be_chosen() {
        let csv = csv(&[("separatorChar", "\t"), ("quoteChar", "'"), ("escapeChar", "|")]);
        assert_eq!(split(&csv, "a\t'b\t|'c'"), ["a", "b\t'c"]);
    }
}
