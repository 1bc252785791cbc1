//! Queries: bound, planned, and started.

use super::{Answer, Rows, Session, SessionError, bind::names_of, engine::Work};
use crate::{
    ddl::DdlContext,
    functions::SessionFacts,
    plan::{PlanOptions, Planner, StrictChecks},
    stages::settings,
    syntax::ast::Query,
};
use datafusion::logical_expr::LogicalPlan;

/// Up to so many bytes of input a query of a cluster is run by its session.
const SHORT_BYTES: &str = "hive.exec.mode.local.auto.inputbytes.max";
const PARTITION_BYTES: &str = "hive.exec.reducers.bytes.per.reducer";
/// Reading them takes about as long as starting a job.
const SHORT_BYTES_DEFAULT: u64 = 8 << 20;

impl Session {
    pub(super) async fn query(
        &self,
        context: &DdlContext<'_>,
        query: &Query,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let tables = self.bind(context, &names_of(query)).await?;
        let options = self.plan_options();
        let planner = Planner::new(&tables, context.facts, &options);
        let relation = planner.plan(query).map_err(|error| SessionError::of_plan(&error, text))?;
        let columns =
            relation.fields.iter().map(|field| (field.name.clone(), field.ty.clone())).collect::<Vec<_>>();
        let stream = self.engine.stream(&self.work(&relation.plan, context.facts, text)).await?;
        Ok(Answer::Rows(Rows { columns, stream, facts: context.facts.clone() }))
    }

    pub(super) fn work<'a>(&self, plan: &'a LogicalPlan, facts: &'a SessionFacts, name: &'a str) -> Work<'a> {
        let set = |key: &str| self.settings.get(key).and_then(|text| text.trim().parse().ok());
        Work {
            plan,
            facts,
            name,
            short_bytes: set(SHORT_BYTES).unwrap_or(SHORT_BYTES_DEFAULT),
            partition_bytes: set(PARTITION_BYTES).unwrap_or(settings::PARTITION_BYTES),
            tasks: None,
        }
    }

    /// The old mode, where it is set, says all at once.
    fn strict_checks(&self) -> StrictChecks {
        let mode = self.settings.set_value("hive.mapred.mode");
        let is_on = |setting: &str| match mode {
            Some(mode) => mode.eq_ignore_ascii_case("strict"),
            None => self.settings.is_true(&format!("hive.strict.checks.{setting}")),
        };
        StrictChecks {
            order_without_limit: is_on("orderby.no.limit"),
            all_partitions: is_on("no.partition.filter"),
            products: is_on("cartesian.product"),
            numbers_as_times: self.settings.is_true("hive.strict.timestamp.conversion"),
            lossy_comparisons: is_on("type.safety"),
        }
    }

    pub(super) fn plan_options(&self) -> PlanOptions {
        PlanOptions {
            nulls_last: self.settings.is_true("hive.default.nulls.last"),
            group_by_position: self.settings.is_true("hive.groupby.position.alias")
                || self.settings.is_true("hive.groupby.orderby.position.alias"),
            order_by_position: self.settings.is_true("hive.orderby.position.alias")
                || self.settings.is_true("hive.groupby.orderby.position.alias"),
            regex_columns: self.settings.get("hive.support.quoted.identifiers") == Some("none"),
            reducers: self.reducers(),
            groups_where_read: self.settings.is_true("hive.map.aggr"),
            groups_are_skewed: self.settings.is_true("hive.groupby.skewindata"),
            strict: self.strict_checks(),
            scripts: self.script_options(),
        }
    }
}
