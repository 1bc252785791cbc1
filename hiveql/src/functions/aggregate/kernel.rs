//! The UDAF behind a resolved call: DataFusion's own aggregate where it agrees with Hive, or a body of ours.

use super::{body::Body, distinct::Distinct, sliding::Sliding};
use crate::functions::Arg;
use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef},
    common::{Result, ScalarValue},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
        Signature, StatisticsArgs, TypeSignature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::{AggregateOrderSensitivity, format_state_name},
    },
};
use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// What does the work.
#[derive(Clone)]
enum Work {
    Library(Arc<AggregateUDF>),
    Own(Arc<dyn Body>),
}

/// Name, arguments and result type say which aggregate it is, so that another process can resolve it again.
#[derive(Clone)]
pub struct AggregateKernel {
    name: String,
    args: Vec<Arg>,
    returns: DataType,
    signature: Signature,
    work: Work,
}

impl AggregateKernel {
    /// An aggregate of DataFusion's under Hive's name, or one of another crate's.
    pub fn library(name: &str, args: &[Arg], returns: DataType, udf: Arc<AggregateUDF>) -> AggregateKernel {
        AggregateKernel::new(name, args, returns, Work::Library(udf))
    }

    /// An aggregate of ours.
    pub(super) fn own(
        name: &str,
        args: &[Arg],
        returns: DataType,
        body: impl Body + 'static,
    ) -> AggregateKernel {
        AggregateKernel::new(name, args, returns, Work::Own(Arc::new(body)))
    }

    fn new(name: &str, args: &[Arg], returns: DataType, work: Work) -> AggregateKernel {
        // `count(*)` reaches some of DataFusion's rules without an argument.
        let signature = Signature::one_of(
            vec![TypeSignature::VariadicAny, TypeSignature::Nullary],
            Volatility::Immutable,
        );
        AggregateKernel { name: name.to_owned(), args: args.to_vec(), returns, signature, work }
    }

    pub fn args(&self) -> &[Arg] {
        &self.args
    }

    pub fn into_udf(self) -> Arc<AggregateUDF> {
        Arc::new(AggregateUDF::from(self))
    }
}

impl fmt::Debug for AggregateKernel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AggregateKernel")
            .field("name", &self.name)
            .field("args", &self.args)
            .finish_non_exhaustive()
    }
}

impl PartialEq for AggregateKernel {
    fn eq(&self, other: &AggregateKernel) -> bool {
        self.name == other.name && self.args == other.args && self.returns == other.returns
    }
}

impl Eq for AggregateKernel {}

impl Hash for AggregateKernel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        for arg in &self.args {
            arg.ty.hash(state);
        }
        self.returns.hash(state);
    }
}

fn distinct(body: &Arc<dyn Body>, args: &AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
    let types = args.expr_fields.iter().map(|field| field.data_type().clone()).collect();
    Ok(Box::new(Distinct::try_new(Arc::clone(body), types)?))
}

impl AggregateUDFImpl for AggregateKernel {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn is_nullable(&self) -> bool {
        match &self.work {
            Work::Library(udf) => udf.is_nullable(),
            Work::Own(body) => body.empty().is_none(),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match &self.work {
            Work::Library(udf) => udf.accumulator(args),
            Work::Own(body) if args.is_distinct => distinct(body, &args),
            Work::Own(body) => body.accumulator(),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        match &self.work {
            Work::Library(udf) => udf.state_fields(args),
            Work::Own(_) if args.is_distinct => {
                let types: Vec<_> = args.input_fields.iter().map(|field| field.data_type().clone()).collect();
                let ty = Distinct::state_type(&types);
                Ok(vec![Arc::new(Field::new(format_state_name(args.name, "distinct"), ty, true))])
            }
            Work::Own(body) => Ok(body
                .state()
                .into_iter()
                .map(|(part, ty)| Arc::new(Field::new(format_state_name(args.name, part), ty, true)))
                .collect()),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        match &self.work {
            Work::Library(udf) => udf.groups_accumulator_supported(args),
            Work::Own(body) => !args.is_distinct && body.has_groups(),
        }
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        match &self.work {
            Work::Library(udf) => udf.create_groups_accumulator(args),
            Work::Own(body) => body.groups(),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match &self.work {
            Work::Library(udf) => udf.create_sliding_accumulator(args),
            Work::Own(body) if args.is_distinct => distinct(body, &args),
            Work::Own(body) => match body.sliding()? {
                Some(accumulator) => Ok(accumulator),
                None => Ok(Box::new(Sliding::new(Arc::clone(body)))),
            },
        }
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        match &self.work {
            Work::Library(udf) => udf.order_sensitivity(),
            Work::Own(_) => AggregateOrderSensitivity::Insensitive,
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match &self.work {
            Work::Library(udf) => match udf.reverse_udf() {
                ReversedUDAF::Identical => ReversedUDAF::Identical,
                _ => ReversedUDAF::NotSupported,
            },
            // Lists keep the order of their rows, and sums of doubles depend on it.
            Work::Own(_) => ReversedUDAF::NotSupported,
        }
    }

    fn is_descending(&self) -> Option<bool> {
        match &self.work {
            Work::Library(udf) => udf.is_descending(),
            Work::Own(_) => None,
        }
    }

    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        match &self.work {
            Work::Library(udf) => udf.value_from_stats(args),
            Work::Own(_) => None,
        }
    }

    fn default_value(&self, ty: &DataType) -> Result<ScalarValue> {
        match &self.work {
            Work::Library(udf) => udf.default_value(ty),
            Work::Own(body) => match body.empty() {
                Some(value) => Ok(value),
                None => ScalarValue::try_from(ty),
            },
        }
    }

    fn set_monotonicity(&self, ty: &DataType) -> SetMonotonicity {
        match &self.work {
            Work::Library(udf) => udf.inner().set_monotonicity(ty),
            Work::Own(_) => SetMonotonicity::NotMonotonic,
        }
    }
}
