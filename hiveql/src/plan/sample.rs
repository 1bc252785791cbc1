//! TABLESAMPLE: some buckets, some bytes, some rows.

use super::{
    BoundTable, Planner, Problem, Relation, Result, TableName, expr::Place, literal::scalar, relation::Scope,
};
use crate::{
    functions::math::BucketingVersion,
    scan::{HiveTable, ScanSample},
    syntax::ast::{BinaryOp, Expr as Ast, ExprKind, Limit, Name, Sample, Span, TableRef},
    types::HiveType,
};
use datafusion::{
    common::ScalarValue,
    datasource::{provider_as_source, source_as_provider},
    logical_expr::LogicalPlanBuilder,
};
use std::sync::Arc;

/// One bucket out of several.
struct Bucket<'a> {
    /// From 1.
    number: u32,
    of: u32,
    on: &'a [Ast],
}

impl Planner<'_> {
    /// A table's rows, or what its sample leaves of them.
    pub(super) fn sampled_table(
        &self,
        name: &TableName,
        bound: &BoundTable,
        table: &TableRef,
        alias: &str,
        outer: Option<&Scope<'_>>,
    ) -> Result<Relation> {
        let scan =
            |sample| Ok::<_, super::PlanError>(self.scan(name, &reading(bound, sample)?)?.aliased(alias));
        match &table.sample {
            None => Ok(self.scan(name, bound)?.aliased(alias)),
            Some(Sample::Percent(percent)) => {
                if !(0.0..=100.0).contains(percent) {
                    return Err(
                        Problem::Invalid("Sampling percentage should be between 0 and 100".into()).into()
                    );
                }
                scan(ScanSample::Percent(*percent))
            }
            Some(Sample::Bytes(bytes)) => scan(ScanSample::Bytes(*bytes)),
            Some(Sample::Bucket { bucket, of, on }) => {
                let bucket = Bucket { number: *bucket, of: *of, on };
                bucket.check()?;
                let by_table = !bound.bucket_columns.is_empty() && is_by(on, &bound.bucket_columns);
                let relation = match by_table {
                    // Files of other buckets need not be read.
                    true => scan(ScanSample::Bucket { bucket: bucket.number - 1, of: bucket.of })?,
                    false => self.scan(name, bound)?.aliased(alias),
                };
                self.bucket(relation, &bucket, &bound.bucket_columns, bound.bucketing, outer)
            }
            Some(sample @ Sample::Rows(_)) => {
                self.sampled(self.scan(name, bound)?.aliased(alias), sample, outer)
            }
        }
    }

    /// A sample of what is no table: only its rows can be told apart.
    pub(super) fn sampled(
        &self,
        relation: Relation,
        sample: &Sample,
        outer: Option<&Scope<'_>>,
    ) -> Result<Relation> {
        match sample {
            Sample::Bucket { bucket, of, on } => {
                let bucket = Bucket { number: *bucket, of: *of, on };
                bucket.check()?;
                self.bucket(relation, &bucket, &[], BucketingVersion::V2, outer)
            }
            Sample::Rows(rows) => self.limited(relation, Some(&Limit { rows: *rows, offset: 0 })),
            Sample::Percent(_) | Sample::Bytes(_) => {
                Err(Problem::Invalid("Sampling by size needs a table with files".into()).into())
            }
        }
    }

    /// The rows whose hash falls into one bucket.
    fn bucket(
        &self,
        relation: Relation,
        bucket: &Bucket<'_>,
        bucket_columns: &[String],
        version: BucketingVersion,
        outer: Option<&Scope<'_>>,
    ) -> Result<Relation> {
        let place = Place::plain("TABLESAMPLE", Scope::new(&relation.fields, outer));
        let mut values = bucket.on.iter().map(|expr| self.expr(expr, &place)).collect::<Result<Vec<_>>>()?;
        if values.is_empty() {
            let columns = bucket_columns.iter();
            let found = columns.filter_map(|name| relation.fields.iter().find(|field| field.name == *name));
            values.extend(found.map(|field| field.typed()));
        }
        if values.is_empty() {
            let text = "Sampling expression needed for non-bucketed table";
            return Err(Problem::Invalid(text.to_owned()).into());
        }
        let function = match version {
            BucketingVersion::V1 => "hash",
            BucketingVersion::V2 => "murmur_hash",
        };
        let hash = self.scalar_call(function, values, Span::default())?;
        let number = |value: i32| scalar(ScalarValue::Int32(Some(value)), HiveType::Int);
        let positive = self.binary(BinaryOp::BitAnd, hash, number(i32::MAX))?;
        let place = self.binary(BinaryOp::Modulo, positive, number(bucket.of as i32))?;
        let chosen = self.binary(BinaryOp::Equal, place, number(bucket.number as i32 - 1))?;
        let plan = LogicalPlanBuilder::from(relation.plan).filter(chosen.expr)?.build()?;
        Ok(Relation { plan, fields: relation.fields })
    }
}

impl Bucket<'_> {
    fn check(&self) -> Result<()> {
        let Bucket { number, of, .. } = *self;
        if number == 0 || number > of {
            let text = format!(
                "Numerator should not be bigger than denominator in sample clause: BUCKET {number} OUT OF {of}"
            );
            return Err(Problem::Invalid(text).into());
        }
        if i32::try_from(of).is_err() {
            return Err(Problem::Invalid(format!("{of} buckets are too many")).into());
        }
        Ok(())
    }
}

/// Whether a sample goes by the columns that the table's files go by.
fn is_by(on: &[Ast], bucket_columns: &[String]) -> bool {
    let column = |expr: &Ast| match &expr.kind {
        ExprKind::Name(name) | ExprKind::Field(_, name) => Some(Name::folded(name)),
        _ => None,
    };
    on.is_empty() || on.iter().map(column).eq(bucket_columns.iter().map(|name| Some(name.clone())))
}

/// The table as the sample reads it.
fn reading(bound: &BoundTable, sample: ScanSample) -> Result<BoundTable> {
    let provider = source_as_provider(&bound.source)?;
    Ok(match provider.downcast_ref::<HiveTable>() {
        Some(table) => {
            BoundTable { source: provider_as_source(Arc::new(table.sampled(sample))), ..bound.clone() }
        }
        None => bound.clone(),
    })
}
