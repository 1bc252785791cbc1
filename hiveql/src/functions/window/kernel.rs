//! The UDWF behind a resolved call: a window function of DataFusion's that answers with Hive's type, or one of ours.

use super::narrow::Narrow;
use crate::functions::Arg;
use datafusion::{
    arrow::{
        compute::SortOptions,
        datatypes::{DataType, Field, FieldRef},
    },
    common::Result,
    logical_expr::{
        LimitEffect, PartitionEvaluator, ReversedUDWF, Signature, TypeSignature, Volatility, WindowUDF,
        WindowUDFImpl,
        function::{ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs},
    },
    physical_plan::PhysicalExpr,
};
use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// Makes the evaluator of a partition.
type Evaluators = dyn Fn() -> Box<dyn PartitionEvaluator> + Send + Sync;

#[derive(Clone)]
enum Work {
    Library(Arc<WindowUDF>),
    /// With the positions of the arguments that are evaluated.
    Own(Arc<Evaluators>, &'static [usize]),
}

/// Name, arguments and result type say which function it is, so that another process can resolve it again.
#[derive(Clone)]
pub struct WindowKernel {
    name: String,
    args: Vec<Arg>,
    returns: DataType,
    skips_nulls: bool,
    signature: Signature,
    work: Work,
}

impl WindowKernel {
    /// A window function of DataFusion's under Hive's name, or one of another crate's.
    pub fn library(name: &str, args: &[Arg], returns: DataType, udf: Arc<WindowUDF>) -> WindowKernel {
        WindowKernel::new(name, args, returns, Work::Library(udf))
    }

    /// One of ours. Its evaluator gets the arguments at `evaluated`.
    pub(super) fn own(
        name: &str,
        args: &[Arg],
        returns: DataType,
        evaluated: &'static [usize],
        evaluator: impl Fn() -> Box<dyn PartitionEvaluator> + Send + Sync + 'static,
    ) -> WindowKernel {
        WindowKernel::new(name, args, returns, Work::Own(Arc::new(evaluator), evaluated))
    }

    fn new(name: &str, args: &[Arg], returns: DataType, work: Work) -> WindowKernel {
        let signature = Signature::one_of(
            vec![TypeSignature::VariadicAny, TypeSignature::Nullary],
            Volatility::Immutable,
        );
        WindowKernel {
            name: name.to_owned(),
            args: args.to_vec(),
            returns,
            skips_nulls: false,
            signature,
            work,
        }
    }

    /// Passes over NULLs even where the query does not say IGNORE NULLS.
    pub(super) fn skipping_nulls(self, skips_nulls: bool) -> WindowKernel {
        WindowKernel { skips_nulls, ..self }
    }

    pub fn args(&self) -> &[Arg] {
        &self.args
    }

    pub fn into_udf(self) -> Arc<WindowUDF> {
        Arc::new(WindowUDF::from(self))
    }
}

impl fmt::Debug for WindowKernel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("WindowKernel")
            .field("name", &self.name)
            .field("args", &self.args)
            .finish_non_exhaustive()
    }
}

impl PartialEq for WindowKernel {
    fn eq(&self, other: &WindowKernel) -> bool {
        self.name == other.name && self.args == other.args && self.returns == other.returns
    }
}

impl Eq for WindowKernel {}

impl Hash for WindowKernel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        for arg in &self.args {
            arg.ty.hash(state);
        }
        self.returns.hash(state);
    }
}

impl WindowUDFImpl for WindowKernel {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn expressions(&self, args: ExpressionArgs<'_>) -> Vec<Arc<dyn PhysicalExpr>> {
        match &self.work {
            Work::Library(udf) => udf.expressions(args),
            Work::Own(_, evaluated) => {
                evaluated.iter().filter_map(|&index| args.input_exprs().get(index).cloned()).collect()
            }
        }
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        let udf = match &self.work {
            Work::Library(udf) => udf,
            Work::Own(evaluator, _) => return Ok(evaluator()),
        };
        let args = PartitionEvaluatorArgs::new(
            args.input_exprs(),
            args.input_fields(),
            args.is_reversed(),
            args.ignore_nulls() || self.skips_nulls,
        );
        let evaluator = udf.partition_evaluator_factory(args)?;
        Ok(Box::new(Narrow::new(evaluator, self.returns.clone())))
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), self.returns.clone(), true)))
    }

    fn sort_options(&self) -> Option<SortOptions> {
        match &self.work {
            Work::Library(udf) => udf.sort_options(),
            Work::Own(..) => None,
        }
    }

    /// A window is evaluated in the order in which it was written: another process must find the same function.
    fn reverse_expr(&self) -> ReversedUDWF {
        ReversedUDWF::NotSupported
    }

    fn limit_effect(&self, args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        match &self.work {
            Work::Library(udf) => udf.inner().limit_effect(args),
            Work::Own(..) => LimitEffect::Unknown,
        }
    }
}
