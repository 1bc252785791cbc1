//! What a write learns of its columns while it writes them (`hive.stats.column.autogather`): the numbers that ANALYZE ... FOR COLUMNS
//! counts. How many different values there are is an estimate, for tasks must be able to add theirs up.

use crate::{catalog::ColumnStatistics, functions::SessionFacts, render::Renderer, types::HiveType};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray},
        compute::cast,
        datatypes::{DataType, Field, Float32Type, Float64Type, Int32Type, Int64Type, Schema},
        ipc::{reader::StreamReader, writer::StreamWriter},
    },
    common::{DataFusionError, Result, ScalarValue, internal_err},
    functions_aggregate::{
        approx_distinct::approx_distinct_udaf,
        count::count_udaf,
        min_max::{max_udaf, min_udaf},
        sum::sum_udaf,
    },
    logical_expr::{Accumulator, AggregateUDF},
    physical_expr::{aggregate::AggregateExprBuilder, expressions::Column},
};
use std::{collections::BTreeMap, io::Cursor, sync::Arc};

const COMPRESSION_LEVEL: i32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Known,
    Distinct,
    Minimum,
    Maximum,
    Length,
    Longest,
    Trues,
}

/// One number of one column.
struct Counted {
    column: usize,
    asked: Asked,
    /// How many values its state is.
    states: usize,
    accumulator: Box<dyn Accumulator>,
}

/// Of the rows of one task, or of all together.
pub(super) struct ColumnCounts(Vec<Counted>);

impl ColumnCounts {
    /// Of columns of primitive types, as in Hive.
    pub fn new(columns: &[(String, HiveType)]) -> Result<ColumnCounts> {
        let mut counted = Vec::new();
        for (column, (_, ty)) in columns.iter().enumerate().filter(|(_, (_, ty))| ty.is_primitive()) {
            for asked in asked_of(ty) {
                let (function, input) = accumulates(*asked, &ty.arrow());
                let schema = Arc::new(Schema::new(vec![Field::new("value", input, true)]));
                let argument = Arc::new(Column::new("value", 0));
                let built = AggregateExprBuilder::new(function, vec![argument]).schema(schema).alias("value");
                let expression = built.build()?;
                let states = expression.state_fields()?.len();
                let accumulator = expression.create_accumulator()?;
                counted.push(Counted { column, asked: *asked, states, accumulator });
            }
        }
        Ok(ColumnCounts(counted))
    }

    pub fn add(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let mut lengths: Option<(usize, ArrayRef)> = None;
        for Counted { column, asked, accumulator, .. } in &mut self.0 {
            let Some(values) = columns.get(*column) else { return internal_err!("a column is not there") };
            let input = match asked {
                Asked::Known | Asked::Minimum | Asked::Maximum => values.clone(),
                Asked::Distinct => hashable(values),
                Asked::Trues => cast(values, &DataType::Int64)?,
                Asked::Length | Asked::Longest => match &lengths {
                    Some((of, lengths)) if of == column => lengths.clone(),
                    _ => lengths.insert((*column, lengths_of(values))).1.clone(),
                },
            };
            accumulator.update_batch(&[input])?;
        }
        Ok(())
    }

    /// For [`ColumnCounts::merge`], of the same columns.
    pub fn encode(&mut self) -> Result<Vec<u8>> {
        let mut states = Vec::new();
        for Counted { accumulator, .. } in &mut self.0 {
            for state in accumulator.state()? {
                states.push(state.to_array()?);
            }
        }
        let field = |(index, state): (usize, &ArrayRef)| {
            Field::new(index.to_string(), state.data_type().clone(), true)
        };
        let schema = Arc::new(Schema::new(states.iter().enumerate().map(field).collect::<Vec<_>>()));
        let mut stream = StreamWriter::try_new(Vec::new(), &schema)?;
        if !states.is_empty() {
            stream.write(&RecordBatch::try_new(schema, states)?)?;
        }
        Ok(zstd::bulk::compress(&stream.into_inner()?, COMPRESSION_LEVEL)?)
    }

    pub fn merge(&mut self, encoded: &[u8]) -> Result<()> {
        let bytes = zstd::stream::decode_all(encoded)?;
        for batch in StreamReader::try_new(Cursor::new(bytes), None)? {
            let batch = batch?;
            let mut states = batch.columns();
            for Counted { accumulator, states: count, .. } in &mut self.0 {
                let Some((own, rest)) = states.split_at_checked(*count) else {
                    return internal_err!("a task counted other columns");
                };
                accumulator.merge_batch(own)?;
                states = rest;
            }
        }
        Ok(())
    }

    /// By column.
    pub fn statistics(
        mut self,
        columns: &[(String, HiveType)],
        rows: u64,
        facts: &SessionFacts,
    ) -> Result<BTreeMap<String, ColumnStatistics>> {
        let mut found: BTreeMap<String, ColumnStatistics> = BTreeMap::new();
        let mut known = 0;
        for Counted { column, asked, accumulator, .. } in &mut self.0 {
            let Some((name, ty)) = columns.get(*column) else {
                return internal_err!("a column is not there");
            };
            let value = accumulator.evaluate()?;
            let number = number(&value);
            let statistics = found.entry(name.to_lowercase()).or_default();
            match asked {
                Asked::Known => {
                    known = number;
                    statistics.nulls = Some(rows.saturating_sub(known));
                }
                Asked::Distinct => statistics.distinct = Some(number.min(known)),
                Asked::Minimum => statistics.minimum = text(&value, ty, facts)?,
                Asked::Maximum => statistics.maximum = text(&value, ty, facts)?,
                Asked::Length => {
                    let mean = if known == 0 { 0.0 } else { number as f64 / known as f64 };
                    statistics.average_length = Some(format!("{mean:?}"));
                }
                Asked::Longest => statistics.longest = Some(number),
                Asked::Trues => {
                    statistics.trues = Some(number);
                    statistics.falses = Some(known.saturating_sub(number));
                }
            }
        }
        Ok(found)
    }
}

/// As [ANALYZE](crate::session) asks.
fn asked_of(ty: &HiveType) -> &'static [Asked] {
    match ty {
        HiveType::Boolean => &[Asked::Known, Asked::Trues],
        HiveType::Binary => &[Asked::Known, Asked::Length, Asked::Longest],
        ty if ty.is_text() => &[Asked::Known, Asked::Distinct, Asked::Length, Asked::Longest],
        _ => &[Asked::Known, Asked::Distinct, Asked::Minimum, Asked::Maximum],
    }
}

/// The function that counts, and the type of what it counts.
fn accumulates(asked: Asked, ty: &DataType) -> (Arc<AggregateUDF>, DataType) {
    match asked {
        Asked::Known => (count_udaf(), ty.clone()),
        Asked::Distinct => (
            approx_distinct_udaf(),
            match ty {
                DataType::Float32 => DataType::Int32,
                DataType::Float64 => DataType::Int64,
                other => other.clone(),
            },
        ),
        Asked::Minimum => (min_udaf(), ty.clone()),
        Asked::Maximum => (max_udaf(), ty.clone()),
        Asked::Length | Asked::Trues => (sum_udaf(), DataType::Int64),
        Asked::Longest => (max_udaf(), DataType::Int64),
    }
}

/// Fractions by their bits: which of them are equal is all that is asked.
fn hashable(values: &ArrayRef) -> ArrayRef {
    if let Some(values) = values.as_primitive_opt::<Float64Type>() {
        return Arc::new(values.unary::<_, Int64Type>(|value| i64::from_ne_bytes(value.to_ne_bytes())));
    }
    match values.as_primitive_opt::<Float32Type>() {
        Some(values) => {
            Arc::new(values.unary::<_, Int32Type>(|value| i32::from_ne_bytes(value.to_ne_bytes())))
        }
        None => values.clone(),
    }
}

/// Characters of texts, bytes of others.
fn lengths_of(values: &ArrayRef) -> ArrayRef {
    let length = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    if let Some(bytes) = values.as_binary_opt::<i32>() {
        return Arc::new(
            bytes.iter().map(|value| value.map(|value| length(value.len()))).collect::<Int64Array>(),
        );
    }
    let Some(texts) = values.as_any().downcast_ref::<StringArray>() else {
        return Arc::new(Int64Array::new_null(values.len()));
    };
    let is_plain = texts.value_data().is_ascii();
    let characters = |text: &str| length(if is_plain { text.len() } else { text.chars().count() });
    Arc::new(texts.iter().map(|text| text.map(characters)).collect::<Int64Array>())
}

fn number(value: &ScalarValue) -> u64 {
    match value {
        ScalarValue::Int64(Some(number)) => number.unsigned_abs(),
        ScalarValue::UInt64(Some(number)) => *number,
        _ => 0,
    }
}

fn text(value: &ScalarValue, ty: &HiveType, facts: &SessionFacts) -> Result<Option<String>> {
    if value.is_null() {
        return Ok(None);
    }
    let renderer = Renderer::new(&value.to_array()?, ty, facts)?;
    let mut text = Vec::new();
    renderer.write(0, &mut text);
    String::from_utf8(text).map(Some).map_err(|error| DataFusionError::External(Box::new(error)))
}

/// Of rows that were there and rows that came. How many different values there are together is between the greater number and
/// the sum: it depends on how far their ranges overlap.
pub(super) fn together(
    old: (&ColumnStatistics, u64),
    new: (&ColumnStatistics, u64),
    ty: &HiveType,
) -> ColumnStatistics {
    let ((old, old_rows), (new, new_rows)) = (old, new);
    let sum = |old: Option<u64>, new: Option<u64>| Some(old? + new?);
    let least = |old: &str, new: &str| order(ty, old, new).is_le();
    let minimum = pick(&old.minimum, &new.minimum, least);
    let maximum = pick(&old.maximum, &new.maximum, |old, new| !least(old, new));
    let distinct = old.distinct.zip(new.distinct).map(|(left, right)| {
        let both = apart(old, new).map_or(0.0, |apart| left.min(right) as f64 * apart);
        left.max(right) + both as u64
    });
    let known = |statistics: &ColumnStatistics, rows: u64| rows.saturating_sub(statistics.nulls.unwrap_or(0));
    let (old_known, new_known) = (known(old, old_rows) as f64, known(new, new_rows) as f64);
    let mean = |statistics: &ColumnStatistics| statistics.average_length.as_ref()?.parse::<f64>().ok();
    let average_length = mean(old).zip(mean(new)).map(|(left, right)| {
        let rows = old_known + new_known;
        let mean = if rows == 0.0 { 0.0 } else { (left * old_known + right * new_known) / rows };
        format!("{mean:?}")
    });
    ColumnStatistics {
        minimum,
        maximum,
        nulls: sum(old.nulls, new.nulls),
        distinct,
        average_length,
        longest: old.longest.zip(new.longest).map(|(old, new)| old.max(new)),
        trues: sum(old.trues, new.trues),
        falses: sum(old.falses, new.falses),
    }
}

fn pick(old: &Option<String>, new: &Option<String>, first: impl Fn(&str, &str) -> bool) -> Option<String> {
    match (old, new) {
        (Some(old), Some(new)) => Some(if first(old, new) { old.clone() } else { new.clone() }),
        (old, new) => old.clone().or_else(|| new.clone()),
    }
}

fn order(ty: &HiveType, left: &str, right: &str) -> std::cmp::Ordering {
    if let (Ok(left), Ok(right)) = (left.parse::<i128>(), right.parse::<i128>()) {
        return left.cmp(&right);
    }
    match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(left), Ok(right)) if ty.is_numeric() => left.total_cmp(&right),
        _ => left.cmp(right),
    }
}

/// Which part of the narrower range of numbers lies outside of the other one.
fn apart(old: &ColumnStatistics, new: &ColumnStatistics) -> Option<f64> {
    let range = |statistics: &ColumnStatistics| -> Option<(f64, f64)> {
        let bound = |text: &Option<String>| text.as_ref()?.parse::<f64>().ok();
        Some((bound(&statistics.minimum)?, bound(&statistics.maximum)?))
    };
    let ((old_low, old_high), (new_low, new_high)) = (range(old)?, range(new)?);
    let common = old_high.min(new_high) - old_low.max(new_low);
    let narrower = (old_high - old_low).min(new_high - new_low);
    if common < 0.0 {
        return Some(1.0);
    }
    Some(if narrower > 0.0 { 1.0 - (common / narrower).min(1.0) } else { 0.0 })
}
