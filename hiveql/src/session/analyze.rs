//! ANALYZE TABLE: counts what is there and writes it down for the planner and for DESCRIBE.

use super::{Answer, Session, SessionError};
use crate::{
    catalog::{Column, ColumnStatistics, Contents, DEFAULT_PARTITION, Table},
    ddl::{
        DdlContext, Problem, partition_spec,
        statistics::{self, BasicStatistics},
    },
    syntax::{
        ast::{Analyze, Name},
        parse_query,
    },
    types::HiveType,
    write::{is_recursive, seen_files},
};
use datafusion::{arrow::array::Array, common::cast::as_string_array};
use futures::TryStreamExt;
use std::collections::{BTreeMap, HashMap};

/// What is asked of one column, in this order; `None` where its type has no such number.
struct Asked<'a> {
    column: &'a Column,
    questions: Vec<(Question, String)>,
}

#[derive(Clone, Copy)]
enum Question {
    Known,
    Distinct,
    Minimum,
    Maximum,
    AverageLength,
    Longest,
    Trues,
}

/// Texts of one row of the counting query, the keys first.
type Row = Vec<Option<String>>;

impl Session {
    pub(super) async fn analyze(
        &self,
        context: &DdlContext<'_>,
        analyze: &Analyze,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let of_ddl = |error| SessionError::of_ddl(&error, text);
        let table = context.table(&analyze.table).await.map_err(of_ddl)?.record;
        if table.is_view() {
            return Err(of_ddl(Problem::AnalyzesView(table.full_name()).into()));
        }
        if analyze.no_scan && table.storage.handler.is_some() {
            return Err(of_ddl(Problem::AnalyzesForeign(table.full_name()).into()));
        }
        let filter = partition_spec::filter(&table, &analyze.partition).map_err(of_ddl)?;
        let asked = match &analyze.columns {
            Some(names) => questions(&table, names)?,
            None => Vec::new(),
        };
        let mut counted = match analyze.no_scan {
            true => HashMap::new(),
            false => self.count(context, &table, &filter, &asked, text).await?,
        };
        let catalog = context.home(&table);
        let snapshot = catalog.snapshot().await?;
        let homes: Vec<(Option<Vec<String>>, String, Option<Contents>)> = match table.is_partitioned() {
            false => vec![(None, table.storage.location.clone(), table.contents.clone())],
            true => {
                let partitions = catalog.partitions(&table, &filter).await?.into_iter();
                let home = |location: String, found: crate::catalog::Partition| {
                    (Some(found.values), location, found.contents)
                };
                partitions.map(|found| home(table.partition_location(&found.record), found.record)).collect()
            }
        };
        if homes.is_empty() && !analyze.partition.is_empty() {
            return Err(of_ddl(Problem::NoPartition(partition_spec::text(&analyze.partition)).into()));
        }
        for (values, location, contents) in homes {
            let files =
                seen_files(context.stores, is_recursive(context), &location, contents.as_ref(), &snapshot)
                    .await
                    .map_err(of_ddl)?;
            let bytes = files.iter().map(|file| file.stamp.bytes).sum::<u64>();
            let row = counted.remove(values.as_deref().unwrap_or_default());
            let rows = match analyze.no_scan {
                true => None,
                // No row of the counting query: no rows.
                false => Some(row.as_ref().map_or(0, |row| number(row, 0).unwrap_or(0))),
            };
            let raw_bytes = rows.map(|rows| bytes.saturating_sub(rows));
            let basic = BasicStatistics { files: files.len() as u64, bytes, rows, raw_bytes };
            let columns = row.map(|row| answers(&asked, &row, rows.unwrap_or(0))).unwrap_or_default();
            statistics::store(context, &analyze.table, values.as_deref(), Some(&basic), &columns)
                .await
                .map_err(of_ddl)?;
        }
        Ok(Answer::done())
    }

    /// One pass over the table: a row per partition, by its values.
    async fn count(
        &self,
        context: &DdlContext<'_>,
        table: &Table,
        filter: &[Option<String>],
        asked: &[Asked<'_>],
        text: &str,
    ) -> Result<HashMap<Vec<String>, Row>, SessionError> {
        let keys: Vec<String> = table.partition_keys.iter().map(|key| quoted(&key.name)).collect();
        let questions = asked.iter().flat_map(|asked| asked.questions.iter().map(|(_, text)| text.as_str()));
        let items = keys.iter().map(String::as_str).chain(["count(*)"]).chain(questions);
        let items: Vec<String> = items.map(|item| format!("cast({item} as string)")).collect();
        let conditions: Vec<String> = keys
            .iter()
            .zip(filter)
            .filter_map(|(key, value)| match value.as_deref()? {
                DEFAULT_PARTITION => Some(format!("{key} is null")),
                value => Some(format!(
                    "cast({key} as string) = '{}'",
                    value.replace('\\', "\\\\").replace('\'', "\\'")
                )),
            })
            .collect();
        let mut query =
            format!("select {} from {}.{}", items.join(", "), quoted(&table.database), quoted(&table.name));
        if !conditions.is_empty() {
            query = format!("{query} where {}", conditions.join(" and "));
        }
        if !keys.is_empty() {
            query = format!("{query} group by {}", keys.join(", "));
        }
        let parsed = parse_query(&query).map_err(|error| SessionError::of_syntax(&error, text))?;
        let Answer::Rows(mut rows) = self.query(context, &parsed, &query).await? else {
            return Ok(HashMap::new());
        };
        let mut counted = HashMap::new();
        while let Some(batch) = rows.stream.try_next().await? {
            let columns = batch.columns().iter().map(|column| as_string_array(column));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            for index in 0..batch.num_rows() {
                let value = |column: &&datafusion::arrow::array::StringArray| {
                    column.is_valid(index).then(|| column.value(index).to_owned())
                };
                let mut values: Row = columns.iter().map(value).collect();
                let answers = values.split_off(keys.len());
                let values =
                    values.into_iter().map(|value| value.unwrap_or_else(|| DEFAULT_PARTITION.to_owned()));
                counted.insert(values.collect(), answers);
            }
        }
        Ok(counted)
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn questions<'a>(table: &'a Table, names: &[Name]) -> Result<Vec<Asked<'a>>, SessionError> {
    let found = |name: &Name| {
        if table.partition_keys.iter().any(|key| name.is(&key.name)) {
            return Err(SessionError::new(format!(
                "SemanticException [Error 30012]: Column statistics are not supported for partition columns: {}",
                name.text
            )));
        }
        let column = table.columns.iter().find(|column| name.is(&column.name));
        column.ok_or_else(|| {
            SessionError::new(format!(
                "SemanticException [Error 10002]: Invalid column reference '{}'",
                name.text
            ))
        })
    };
    let columns: Vec<&Column> = match names {
        [] => table.columns.iter().collect(),
        names => names.iter().map(found).collect::<Result<_, _>>()?,
    };
    Ok(columns.into_iter().filter(|column| column.ty.is_primitive()).map(asked).collect())
}

fn asked(column: &Column) -> Asked<'_> {
    let name = quoted(&column.name);
    let mut questions = vec![(Question::Known, format!("count({name})"))];
    let mut ask = |question, text: String| questions.push((question, text));
    match &column.ty {
        HiveType::Boolean => ask(Question::Trues, format!("sum(if({name}, 1, 0))")),
        HiveType::Binary | HiveType::String | HiveType::Char(_) | HiveType::Varchar(_) => {
            if column.ty != HiveType::Binary {
                ask(Question::Distinct, format!("count(distinct {name})"));
            }
            ask(Question::AverageLength, format!("avg(length({name}))"));
            ask(Question::Longest, format!("max(length({name}))"));
        }
        _ => {
            ask(Question::Distinct, format!("count(distinct {name})"));
            ask(Question::Minimum, format!("min({name})"));
            ask(Question::Maximum, format!("max({name})"));
        }
    }
    Asked { column, questions }
}

fn answers(asked: &[Asked<'_>], row: &Row, rows: u64) -> BTreeMap<String, ColumnStatistics> {
    let mut at = 1;
    let mut found = BTreeMap::new();
    for Asked { column, questions } in asked {
        let mut known = ColumnStatistics::default();
        for (question, _) in questions {
            let text = row.get(at).cloned().flatten();
            let count = number(row, at);
            match question {
                Question::Known => known.nulls = count.map(|count| rows.saturating_sub(count)),
                Question::Distinct => known.distinct = count,
                Question::Minimum => known.minimum = text,
                Question::Maximum => known.maximum = text,
                Question::AverageLength => known.average_length = text.or_else(|| Some("0.0".to_owned())),
                Question::Longest => known.longest = count.or(Some(0)),
                Question::Trues => {
                    known.trues = count.or(Some(0));
                    let nulls = known.nulls.unwrap_or(0);
                    known.falses = Some(rows.saturating_sub(nulls).saturating_sub(count.unwrap_or(0)));
                }
            }
            at += 1;
        }
        found.insert(column.name.clone(), known);
    }
    found
}

fn number(row: &Row, at: usize) -> Option<u64> {
    row.get(at)?.as_deref()?.parse().ok()
}
