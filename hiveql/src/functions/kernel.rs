//! A scalar function made of a Rust closure over Arrow arrays.

use super::Arg;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, new_null_array},
        datatypes::DataType,
    },
    common::Result,
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
    },
};
use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// The arguments of one batch.
pub type Columns<'a> = &'a [ArrayRef];
/// How many rows the result must have.
pub type Rows = usize;

type Body = dyn Fn(Columns<'_>, Rows) -> Result<ArrayRef> + Send + Sync;

/// Name, arguments and result type say which function it is; the body is what they were resolved to.
#[derive(Clone)]
pub struct Kernel {
    name: String,
    args: Vec<Arg>,
    /// What the body gets, where it is known.
    takes: Vec<DataType>,
    returns: DataType,
    signature: Signature,
    body: Arc<Body>,
}

impl Kernel {
    /// `args` are those the call was resolved with, so that another process can resolve it again.
    pub fn new(
        name: &str,
        args: &[Arg],
        returns: DataType,
        volatility: Volatility,
        body: impl Fn(Columns<'_>, Rows) -> Result<ArrayRef> + Send + Sync + 'static,
    ) -> Kernel {
        Kernel {
            name: name.to_owned(),
            args: args.to_vec(),
            takes: Vec::new(),
            returns,
            // Any number of arguments: none is not among "variadic".
            signature: Signature::one_of(
                vec![TypeSignature::VariadicAny, TypeSignature::Nullary],
                volatility,
            ),
            body: Arc::new(body),
        }
    }

    /// The optimizer asks what becomes of NULL with columns that have no type: of these the body gets typed ones.
    pub fn taking(self, takes: Vec<DataType>) -> Kernel {
        Kernel { takes, ..self }
    }

    pub fn args(&self) -> &[Arg] {
        &self.args
    }

    pub fn into_udf(self) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(self))
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Kernel").field("name", &self.name).field("args", &self.args).finish_non_exhaustive()
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Kernel) -> bool {
        self.name == other.name && self.args == other.args && self.returns == other.returns
    }
}

impl Eq for Kernel {}

impl Hash for Kernel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        for arg in &self.args {
            arg.ty.hash(state);
        }
        self.returns.hash(state);
    }
}

impl ScalarUDFImpl for Kernel {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // Of constants alone, one row is the answer to all.
        let constant =
            !args.args.is_empty() && args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows =
            if constant && self.signature.volatility != Volatility::Volatile { 1 } else { args.number_rows };
        let mut columns = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
        for (column, ty) in columns.iter_mut().zip(&self.takes) {
            if *column.data_type() == DataType::Null && *ty != DataType::Null {
                *column = new_null_array(ty, column.len());
            }
        }
        let result = (self.body)(&columns, rows)?;
        if constant && rows == 1 {
            return Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}
