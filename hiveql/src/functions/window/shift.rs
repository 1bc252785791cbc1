//! lead and lag.

use super::{
    arguments::{count, whole},
    kernel::WindowKernel,
};
use crate::{
    functions::{Arg, FunctionError, Window, WindowFunction},
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef},
        compute::interleave,
    },
    common::Result as DataFusionResult,
    functions_window::lead_lag::{lag_udwf, lead_udwf},
    logical_expr::{PartitionEvaluator, WindowUDF},
};
use std::sync::Arc;

pub const LEAD: WindowFunction = WindowFunction {
    name: "lead",
    aliases: &[],
    usage: "LEAD  (scalar_expression [,offset] [,default]) OVER ([query_partition_clause] order_by_clause); The LEAD \
            function is used to return data from the next row. ",
    extended: "",
    resolve: |name, args, _| resolve(name, args, lead_udwf(), 1),
};

pub const LAG: WindowFunction = WindowFunction {
    name: "lag",
    aliases: &[],
    usage: "LAG  (scalar_expression [,offset] [,default]) OVER ([query_partition_clause] order_by_clause); The LAG \
            function is used to access data from a previous row.",
    extended: "",
    resolve: |name, args, _| resolve(name, args, lag_udwf(), -1),
};

fn resolve(name: &str, args: &[Arg], udf: Arc<WindowUDF>, direction: i64) -> Result<Window, FunctionError> {
    count(name, args, 1..=3)?;
    let value = &args[0].ty;
    let offset = match args.get(1) {
        Some(offset) => whole(name, 1, offset, 0)?,
        None => 1,
    };
    let mut takes = vec![value.clone()];
    takes.extend(args.get(1).map(|_| HiveType::BigInt));
    // The default becomes what the value is.
    takes.extend(args.get(2).map(|_| value.clone()));
    let arrow = value.arrow();
    let kernel = match args.get(2) {
        Some(default) if default.constant.is_none() => {
            let by = direction * i64::from(offset);
            WindowKernel::own(name, args, arrow, &[0, 2], move || Box::new(Shift { by }))
        }
        _ => WindowKernel::library(name, args, arrow, udf),
    };
    Ok(Window { args: takes, returns: value.clone(), udf: kernel.into_udf() })
}

/// Takes the value so many rows further on, and where there is no such row the default of the row itself, which
/// DataFusion's lead and lag want to be a constant.
#[derive(Debug)]
struct Shift {
    by: i64,
}

impl PartitionEvaluator for Shift {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> DataFusionResult<ArrayRef> {
        let places: Vec<(usize, usize)> = (0..rows)
            .map(|row| {
                let from = usize::try_from(row as i64 + self.by).ok().filter(|&from| from < rows);
                from.map_or((1, row), |from| (0, from))
            })
            .collect();
        let columns: Vec<&dyn Array> = values.iter().map(AsRef::as_ref).collect();
        Ok(interleave(&columns, &places)?)
    }
}
