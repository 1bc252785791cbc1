//! Covariance, correlation and linear regression.

use super::{
    arguments::{count, is_measure, wrong_type},
    decimal_sum::DecimalSum,
    double_sum::DoubleSum,
    kernel::AggregateKernel,
    moments::Moments,
    sum::{average_type, decimal_average},
    tally::{Tally, TallyBody},
};
use crate::{
    functions::{Aggregate, AggregateFunction, Arg, FunctionError, SessionFacts},
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{ArrayRef, Float64Array},
        datatypes::DataType,
    },
    common::Result as DataFusionResult,
};
use std::sync::Arc;

/// Of what all of these say alike.
macro_rules! extended {
    ($rest:literal) => {
        concat!(
            "The function takes as arguments any pair of numeric types and returns a double.\n",
            "Any pair with a NULL is ignored.\n",
            "If applied to an empty set: NULL is returned.\n",
            $rest
        )
    };
}

macro_rules! of_pairs {
    ($constant:ident, $first:literal, $name:literal, $usage:literal, $rest:literal, $finish:expr) => {
        pub const $constant: AggregateFunction = AggregateFunction {
            name: $name,
            aliases: &[],
            usage: $usage,
            extended: extended!($rest),
            resolve: |name, args, _| resolve::<$first>(name, args, $finish),
        };
    };
}

of_pairs!(
    COVAR_POP,
    1,
    "covar_pop",
    "_FUNC_(x,y) - Returns the population covariance of a set of number pairs",
    "Otherwise, it computes the following:\n   (SUM(x*y)-SUM(x)*SUM(y)/COUNT(x,y))/COUNT(x,y)",
    |m| (m.count > 0).then(|| m.joint_spread / m.count as f64)
);
of_pairs!(
    COVAR_SAMP,
    1,
    "covar_samp",
    "_FUNC_(x,y) - Returns the sample covariance of a set of number pairs",
    "If applied to a set with a single pair: NULL is returned.\n\
     Otherwise, it computes the following:\n   (SUM(x*y)-SUM(x)*SUM(y)/COUNT(x,y))/(COUNT(x,y)-1)",
    |m| (m.count > 1).then(|| m.joint_spread / (m.count - 1) as f64)
);
of_pairs!(
    CORR,
    0,
    "corr",
    "_FUNC_(y,x) - Returns the Pearson coefficient of correlation\nbetween a set of number pairs",
    "If N*SUM(x*x) = SUM(x)*SUM(x): NULL is returned.\n\
     If N*SUM(y*y) = SUM(y)*SUM(y): NULL is returned.\n\
     Otherwise, it computes the following:\n   COVAR_POP(x,y)/(STDDEV_POP(x)*STDDEV_POP(y))",
    |m| {
        let varies = m.count > 0 && m.first_spread != 0.0 && m.second_spread != 0.0;
        varies.then(|| m.joint_spread / m.first_spread.sqrt() / m.second_spread.sqrt())
    }
);
of_pairs!(
    REGR_SLOPE,
    0,
    "regr_slope",
    "_FUNC_(y,x) - returns the slope of the linear regression line",
    "If N*SUM(x*x) = SUM(x)*SUM(x): NULL is returned (the fit would be a vertical).\n\
     Otherwise, it computes the following:\n   (N*SUM(x*y)-SUM(x)*SUM(y)) / (N*SUM(x*x)-SUM(x)*SUM(x))",
    |m| (m.count > 1 && m.second_spread != 0.0).then(|| m.joint_spread / m.second_spread)
);
of_pairs!(
    REGR_INTERCEPT,
    0,
    "regr_intercept",
    "_FUNC_(y,x) - returns the y-intercept of the regression line.",
    "If N*SUM(x*x) = SUM(x)*SUM(x): NULL is returned.\n\
     Otherwise, it computes the following:\n   \
     ( SUM(y)*SUM(x*x)-SUM(X)*SUM(x*y) )  /  ( N*SUM(x*x)-SUM(x)*SUM(x) )",
    |m| {
        let varies = m.count > 0 && m.second_spread != 0.0;
        varies.then(|| m.first_mean - m.joint_spread / m.second_spread * m.second_mean)
    }
);
of_pairs!(
    REGR_R2,
    0,
    "regr_r2",
    "_FUNC_(y,x) - returns the coefficient of determination (also called R-squared or goodness of fit) for the \
     regression line.",
    "If N*SUM(x*x) = SUM(x)*SUM(x): NULL is returned.\n\
     If N*SUM(y*y) = SUM(y)*SUM(y): 1 is returned.\n\
     Otherwise, it computes the following:\n   POWER( N*SUM(x*y)-SUM(x)*SUM(y) ,2)  /  \
     ( (N*SUM(x*x)-SUM(x)*SUM(x)) * (N*SUM(y*y)-SUM(y)*SUM(y)) )",
    |m| {
        if m.count < 2 || m.second_spread == 0.0 {
            None
        } else if m.first_spread == 0.0 {
            Some(1.0)
        } else {
            Some(m.joint_spread * m.joint_spread / m.second_spread / m.first_spread)
        }
    }
);
of_pairs!(
    REGR_SXX,
    0,
    "regr_sxx",
    "_FUNC_(y,x) - auxiliary analytic function",
    "Otherwise, it computes the following:\n   SUM(x*x)-SUM(x)*SUM(x)/N\n",
    |m| (m.count > 0).then_some(m.second_spread)
);
of_pairs!(
    REGR_SYY,
    0,
    "regr_syy",
    "_FUNC_(y,x) - auxiliary analytic function",
    "Otherwise, it computes the following:\n   SUM(y*y)-SUM(y)*SUM(y)/N\n",
    |m| (m.count > 0).then_some(m.first_spread)
);
of_pairs!(
    REGR_SXY,
    0,
    "regr_sxy",
    "_FUNC_(y,x) - return a value that can be used to evaluate the statistical validity of a regression model.",
    "If N*SUM(x*x) = SUM(x)*SUM(x): NULL is returned.\n\
     Otherwise, it computes the following:\n   SUM(x*y)-SUM(x)*SUM(y)/N",
    |m| (m.count > 0).then_some(m.joint_spread)
);

pub const REGR_AVGX: AggregateFunction = AggregateFunction {
    name: "regr_avgx",
    aliases: &[],
    usage: "_FUNC_(y,x) - evaluates the average of the independent variable",
    extended: extended!("Otherwise, it computes the following:\n   AVG(X)"),
    resolve: |name, args, facts| resolve_average::<1>(name, args, facts),
};

pub const REGR_AVGY: AggregateFunction = AggregateFunction {
    name: "regr_avgy",
    aliases: &[],
    usage: "_FUNC_(y,x) - evaluates the average of the dependent variable",
    extended: extended!("Otherwise, it computes the following:\n   AVG(Y)"),
    resolve: |name, args, facts| resolve_average::<0>(name, args, facts),
};

fn check(name: &str, args: &[Arg]) -> Result<(), FunctionError> {
    count(name, args, 2..=2)?;
    match args.iter().position(|arg| !is_measure(&arg.ty)) {
        Some(index) => Err(wrong_type(name, index, &args[index], "a number")),
        None => Ok(()),
    }
}

fn resolve<const FIRST: usize>(
    name: &str,
    args: &[Arg],
    finish: fn(&Moments<FIRST>) -> Option<f64>,
) -> Result<Aggregate, FunctionError> {
    check(name, args)?;
    let body = TallyBody::new(move |tallies: &[Moments<FIRST>]| {
        Ok(Arc::new(tallies.iter().map(finish).collect::<Float64Array>()) as ArrayRef)
    });
    let kernel = AggregateKernel::own(name, args, DataType::Float64, body);
    let takes = vec![HiveType::Double, HiveType::Double];
    Ok(Aggregate { args: takes, returns: HiveType::Double, udf: kernel.into_udf() })
}

/// The average of one argument over the pairs in which neither is NULL; of decimals it is a decimal.
fn resolve_average<const WHICH: usize>(
    name: &str,
    args: &[Arg],
    _: &SessionFacts,
) -> Result<Aggregate, FunctionError> {
    check(name, args)?;
    let mut takes = vec![HiveType::Double, HiveType::Double];
    let HiveType::Decimal { precision, scale } = args[WHICH].ty else {
        let body = TallyBody::new(|tallies: &[OfPair<DoubleSum, WHICH>]| {
            let averages =
                tallies.iter().map(|OfPair(tally)| (tally.count > 0).then(|| tally.sum / tally.count as f64));
            Ok(Arc::new(averages.collect::<Float64Array>()) as ArrayRef)
        });
        let kernel = AggregateKernel::own(name, args, DataType::Float64, body);
        return Ok(Aggregate { args: takes, returns: HiveType::Double, udf: kernel.into_udf() });
    };
    takes[WHICH] = args[WHICH].ty.clone();
    let (result_precision, result_scale) = average_type(precision, scale);
    let returns = HiveType::decimal(result_precision, result_scale);
    let finish = decimal_average(precision, scale).finish();
    let body = TallyBody::new(move |tallies: &[OfPair<DecimalSum, WHICH>]| {
        finish(&tallies.iter().map(|OfPair(tally)| tally.clone()).collect::<Vec<_>>())
    });
    let kernel = AggregateKernel::own(name, args, returns.arrow(), body);
    Ok(Aggregate { args: takes, returns, udf: kernel.into_udf() })
}

/// A tally of one argument of two.
#[derive(Debug, Clone, Default)]
struct OfPair<T, const WHICH: usize>(T);

impl<T: Tally, const WHICH: usize> Tally for OfPair<T, WHICH> {
    type Input = T::Input;
    const REMOVES: bool = T::REMOVES;

    fn read(columns: &[ArrayRef]) -> DataFusionResult<T::Input> {
        T::read(&columns[WHICH..=WHICH])
    }

    fn add(&mut self, input: &T::Input, row: usize) {
        self.0.add(input, row);
    }

    fn remove(&mut self, input: &T::Input, row: usize) {
        self.0.remove(input, row);
    }

    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    fn state() -> Vec<(&'static str, DataType)> {
        T::state()
    }

    fn write(tallies: &[Self]) -> Vec<ArrayRef> {
        T::write(&tallies.iter().map(|OfPair(tally)| tally.clone()).collect::<Vec<_>>())
    }

    fn load(columns: &[ArrayRef]) -> DataFusionResult<Vec<Self>> {
        Ok(T::load(columns)?.into_iter().map(OfPair).collect())
    }
}
