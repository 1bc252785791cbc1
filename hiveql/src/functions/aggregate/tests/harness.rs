//! Runs a resolved aggregate over columns.

use crate::{
    functions::{Aggregate, Arg, FunctionError, SessionFacts, aggregate::FUNCTIONS},
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef},
        compute::concat,
        datatypes::{Field, Schema},
    },
    common::ScalarValue,
    logical_expr::{Accumulator, EmitTo},
    physical_expr::{
        PhysicalExpr,
        aggregate::{AggregateExprBuilder, AggregateFunctionExpr},
        expressions::Column,
    },
};
use std::sync::Arc;

pub(super) fn facts() -> SessionFacts {
    SessionFacts {
        timezone: chrono_tz::UTC,
        now: chrono::DateTime::UNIX_EPOCH,
        user: "hive".into(),
        database: "default".into(),
        settings: Default::default(),
        scripts: Default::default(),
    }
}

/// A column's argument.
pub(super) fn column(ty: HiveType) -> Arg {
    Arg { ty, constant: None }
}

pub(super) fn constant(ty: HiveType, value: impl Into<ScalarValue>) -> Arg {
    Arg { ty, constant: Some(value.into()) }
}

pub(super) fn resolve(name: &str, args: &[Arg]) -> Result<Aggregate, FunctionError> {
    let function = FUNCTIONS
        .iter()
        .find(|function| function.name == name || function.aliases.contains(&name))
        .unwrap_or_else(|| panic!("no aggregate {name}"));
    (function.resolve)(name, args, &facts())
}

/// A call as the physical plan holds it.
pub(super) struct Call {
    pub(super) expr: AggregateFunctionExpr,
    pub(super) returns: HiveType,
}

impl Call {
    /// The columns must have the types that the call asks for.
    pub(super) fn new(name: &str, args: &[Arg], distinct: bool) -> Call {
        let aggregate = resolve(name, args).unwrap();
        let fields: Vec<Field> = aggregate
            .args
            .iter()
            .enumerate()
            .map(|(index, ty)| Field::new(format!("c{index}"), ty.arrow(), true))
            .collect();
        let columns = (0..fields.len())
            .map(|index| Arc::new(Column::new(&format!("c{index}"), index)) as Arc<dyn PhysicalExpr>)
            .collect();
        let builder = AggregateExprBuilder::new(aggregate.udf, columns)
            .schema(Arc::new(Schema::new(fields)))
            .alias("call");
        let builder = if distinct { builder.distinct() } else { builder };
        Call { expr: builder.build().unwrap(), returns: aggregate.returns }
    }

    fn checked(&self, value: ScalarValue) -> ScalarValue {
        assert_eq!(value.data_type(), self.returns.arrow());
        value
    }

    /// All rows at once.
    pub(super) fn whole(&self, columns: &[ArrayRef]) -> ScalarValue {
        let mut accumulator = self.expr.create_accumulator().unwrap();
        accumulator.update_batch(columns).unwrap();
        assert!(accumulator.size() > 0);
        let value = accumulator.evaluate().unwrap();
        assert_eq!(value.to_string(), accumulator.evaluate().unwrap().to_string(), "asked twice");
        self.checked(value)
    }

    /// Each piece of `cut` rows for itself, then merged.
    pub(super) fn in_parts(&self, columns: &[ArrayRef], cut: usize) -> ScalarValue {
        let rows = columns[0].len();
        let mut last = self.expr.create_accumulator().unwrap();
        for start in (0..rows).step_by(cut) {
            let piece = slices(columns, start, cut.min(rows - start));
            let mut partial = self.expr.create_accumulator().unwrap();
            partial.update_batch(&piece).unwrap();
            last.merge_batch(&self.state_columns(partial.as_mut())).unwrap();
        }
        self.checked(last.evaluate().unwrap())
    }

    fn state_columns(&self, accumulator: &mut dyn Accumulator) -> Vec<ArrayRef> {
        let states = accumulator.state().unwrap();
        let fields = self.expr.state_fields().unwrap();
        assert_eq!(states.len(), fields.len());
        for (state, field) in states.iter().zip(fields) {
            assert_eq!(&state.data_type(), field.data_type());
        }
        states.iter().map(|state| state.to_array().unwrap()).collect()
    }

    /// By groups, numbered as they first appear: half of the rows as partial results, the others one by one as states.
    /// `None` where it has no groups.
    pub(super) fn by_groups(&self, columns: &[ArrayRef], groups: &[usize]) -> Option<Vec<ScalarValue>> {
        if !self.expr.groups_accumulator_supported() {
            return None;
        }
        let half = groups.len() / 2;
        let seen = |groups: &[usize]| groups.iter().max().map_or(0, |&last| last + 1);
        let (early, total) = (seen(&groups[..half]), seen(groups));
        let mut partial = self.expr.create_groups_accumulator().unwrap();
        partial.update_batch(&slices(columns, 0, half), &groups[..half], None, early).unwrap();
        let mut last = self.expr.create_groups_accumulator().unwrap();
        // The first group leaves before the others, as from a sorted input.
        let first: Vec<usize> = (0..early.min(1)).collect();
        let states = partial.state(EmitTo::First(first.len())).unwrap();
        last.merge_batch(&states, &first, first.len()).unwrap();
        let rest: Vec<usize> = (first.len()..early).collect();
        let states = partial.state(EmitTo::All).unwrap();
        last.merge_batch(&states, &rest, early).unwrap();
        let rows = slices(columns, half, groups.len() - half);
        let states = last.convert_to_state(&rows, None).unwrap();
        last.merge_batch(&states, &groups[half..], total).unwrap();
        assert!(last.size() > 0);
        let values = last.evaluate(EmitTo::All).unwrap();
        Some((0..values.len()).map(|row| ScalarValue::try_from_array(&values, row).unwrap()).collect())
    }

    /// For each row, the frame of it and the `before` rows before it.
    pub(super) fn over_window(&self, columns: &[ArrayRef], before: usize) -> Vec<ScalarValue> {
        let mut accumulator = self.expr.create_sliding_accumulator().unwrap();
        assert!(accumulator.supports_retract_batch());
        let rows = columns[0].len();
        let answer = |row: usize| {
            accumulator.update_batch(&slices(columns, row, 1)).unwrap();
            if row > before {
                accumulator.retract_batch(&slices(columns, row - before - 1, 1)).unwrap();
            }
            accumulator.evaluate().unwrap()
        };
        (0..rows).map(answer).collect()
    }
}

pub(super) fn slices(columns: &[ArrayRef], start: usize, length: usize) -> Vec<ArrayRef> {
    columns.iter().map(|column| column.slice(start, length)).collect()
}

/// The rows at which `wanted` holds.
pub(super) fn rows_where(columns: &[ArrayRef], wanted: impl Fn(usize) -> bool) -> Vec<ArrayRef> {
    columns
        .iter()
        .map(|column| {
            let rows: Vec<ArrayRef> =
                (0..column.len()).filter(|&row| wanted(row)).map(|row| column.slice(row, 1)).collect();
            let rows: Vec<&dyn Array> = rows.iter().map(AsRef::as_ref).collect();
            if rows.is_empty() { column.slice(0, 0) } else { concat(&rows).unwrap() }
        })
        .collect()
}
