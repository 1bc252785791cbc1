//! LOAD DATA and TRUNCATE: contents change, and no query runs.

use super::{Answer, Session, SessionError};
use crate::{
    ddl::{DdlContext, Problem, partition_spec},
    syntax::ast::{Load, ObjectName, PartitionSpec},
    write::{self, Amount, Outcome, Source, Target},
};

impl Session {
    pub(super) async fn load(
        &self,
        context: &DdlContext<'_>,
        load: &Load,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let of_ddl = |error| SessionError::of_ddl(&error, text);
        let table = self.target_table(context, &load.table, text).await?;
        let fixed = match table.is_partitioned() {
            false => {
                partition_spec::filter(&table, &load.partition).map_err(of_ddl)?;
                Vec::new()
            }
            true if load.partition.is_empty() => {
                return Err(of_ddl(Problem::NeedsPartition(table.name.clone()).into()));
            }
            true => partition_spec::values(&table, &load.partition).map_err(of_ddl)?,
        };
        if table.storage.skew.as_ref().is_some_and(|skew| skew.directories) {
            return Err(of_ddl(Problem::LoadsDirectories(table.full_name()).into()));
        }
        let source = match load.local {
            true => Source::local(&load.path)?,
            false => Source::stored(context, &self.located(&load.path))?,
        };
        let target = Target { fixed, overwrite: load.overwrite, ..Target::of(table) };
        let write = target.begin(context, &self.id).await?;
        match write::load(context, &source, &write).await {
            Ok(outcome) => {
                write::publish(context, vec![(write, outcome)]).await?;
                Ok(Answer::done())
            }
            Err(error) => {
                write::abandon(context, write).await?;
                Err(error.into())
            }
        }
    }

    /// An overwrite with nothing.
    pub(super) async fn truncate(
        &self,
        context: &DdlContext<'_>,
        name: &ObjectName,
        spec: &PartitionSpec,
        force: bool,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let of_ddl = |error| SessionError::of_ddl(&error, text);
        let table = context.table(name).await.map_err(of_ddl)?.record;
        if !table.owns_files() && !force {
            return Err(of_ddl(Problem::TruncatesExternal(table.name).into()));
        }
        let filter = partition_spec::filter(&table, spec).map_err(of_ddl)?;
        let mut outcome = Outcome::default();
        if table.is_partitioned() {
            let partitions = context.home(&table).partitions(&table, &filter).await?;
            if partitions.is_empty() && !spec.is_empty() {
                return Err(of_ddl(Problem::NoPartition(partition_spec::text(spec)).into()));
            }
            let names = partitions.iter().map(|found| table.partition_name(&found.record));
            outcome.folders = names.map(|name| (name, Amount::default())).collect();
        } else {
            outcome.folders.insert(String::new(), Amount::default());
        }
        let target = Target { overwrite: true, ..Target::of(table) };
        let write = target.begin(context, &self.id).await?;
        write::publish(context, vec![(write, outcome)]).await?;
        Ok(Answer::done())
    }
}
