//! Calls of Hive's functions: the name and the arguments that the call was resolved with go, the function comes back from
//! resolving them again. DataFusion's own functions travel by their name alone.

use crate::{
    functions::{Arg, Kernel, SessionFacts, aggregate::AggregateKernel, registry, window::WindowKernel},
    types::HiveType,
};
use datafusion::{
    common::{DataFusionError, Result, ScalarValue, internal_err},
    logical_expr::{AggregateUDF, ScalarUDF, WindowUDF},
};
use datafusion_proto::protobuf;
use prost::Message;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An argument as it travels.
#[derive(Serialize, Deserialize)]
struct Argument {
    ty: HiveType,
    /// In DataFusion's form.
    constant: Option<Vec<u8>>,
}

pub(super) fn encode_scalar(udf: &ScalarUDF, bytes: &mut Vec<u8>) -> Result<()> {
    match udf.inner().downcast_ref::<Kernel>() {
        Some(kernel) => write(kernel.args(), bytes),
        None => Ok(()),
    }
}

pub(super) fn decode_scalar(name: &str, bytes: &[u8], facts: &SessionFacts) -> Result<Arc<ScalarUDF>> {
    let args = read(name, bytes)?;
    if let Some(function) = registry::scalar(name) {
        return Ok((function.resolve)(name, &args, facts).map_err(again)?.udf);
    }
    match registry::table(name) {
        Some(function) => Ok((function.resolve)(name, &args, facts).map_err(again)?.udf),
        None => unknown(name),
    }
}

pub(super) fn encode_aggregate(udaf: &AggregateUDF, bytes: &mut Vec<u8>) -> Result<()> {
    match udaf.inner().downcast_ref::<AggregateKernel>() {
        Some(kernel) => write(kernel.args(), bytes),
        None => Ok(()),
    }
}

pub(super) fn decode_aggregate(name: &str, bytes: &[u8], facts: &SessionFacts) -> Result<Arc<AggregateUDF>> {
    let args = read(name, bytes)?;
    match registry::aggregate(name) {
        Some(function) => Ok((function.resolve)(name, &args, facts).map_err(again)?.udf),
        None => unknown(name),
    }
}

pub(super) fn encode_window(udwf: &WindowUDF, bytes: &mut Vec<u8>) -> Result<()> {
    match udwf.inner().downcast_ref::<WindowKernel>() {
        Some(kernel) => write(kernel.args(), bytes),
        None => Ok(()),
    }
}

pub(super) fn decode_window(name: &str, bytes: &[u8], facts: &SessionFacts) -> Result<Arc<WindowUDF>> {
    let args = read(name, bytes)?;
    match registry::window(name) {
        Some(function) => Ok((function.resolve)(name, &args, facts).map_err(again)?.udf),
        None => unknown(name),
    }
}

fn write(args: &[Arg], bytes: &mut Vec<u8>) -> Result<()> {
    let argument = |arg: &Arg| -> Result<Argument> {
        let constant = arg.constant.as_ref().map(|value| {
            let value: protobuf::ScalarValue = value.try_into()?;
            Ok::<_, DataFusionError>(value.encode_to_vec())
        });
        Ok(Argument { ty: arg.ty.clone(), constant: constant.transpose()? })
    };
    let arguments = args.iter().map(argument).collect::<Result<Vec<_>>>()?;
    skep_wire::codec::encode_into(&arguments, bytes);
    Ok(())
}

fn read(name: &str, bytes: &[u8]) -> Result<Vec<Arg>> {
    if bytes.is_empty() {
        return unknown(name);
    }
    let arguments: Vec<Argument> =
        skep_wire::codec::decode(bytes).map_err(|error| DataFusionError::External(error.into()))?;
    let arg = |argument: Argument| -> Result<Arg> {
        let constant = argument.constant.map(|bytes| -> Result<ScalarValue> {
            let value = protobuf::ScalarValue::decode(bytes.as_slice())
                .map_err(|error| DataFusionError::External(error.into()))?;
            Ok((&value).try_into()?)
        });
        Ok(Arg { ty: argument.ty, constant: constant.transpose()? })
    };
    arguments.into_iter().map(arg).collect()
}

fn again(error: crate::functions::FunctionError) -> DataFusionError {
    DataFusionError::External(error.into())
}

fn unknown<T>(name: &str) -> Result<T> {
    internal_err!(
        "the fragment calls {name}, which this release does not know: use the same release everywhere"
    )
}
