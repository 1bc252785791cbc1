//! Execution of the statements that change the catalog or show it. It plans no query: what needs the columns of one takes
//! them from the planner ([`create_table::define`], [`views::create`]).

mod alter;
pub(crate) mod constraints;
mod context;
pub mod create_table;
mod databases;
mod describe;
mod drop_table;
mod error;
pub(crate) mod files;
mod functions;
mod output;
mod partition_filter;
pub(crate) mod partition_spec;
mod repair;
mod show;
pub mod statistics;
pub(crate) mod storage_clauses;
mod storage_words;
mod table_checks;
#[cfg(test)]
mod tests;
pub mod views;

use alter::partitions as alter_partitions;
pub use context::{DdlContext, Settings, Stores};
pub use databases::ensure_default;
pub use error::{DdlError, Problem};
pub use files::remove_due;
pub use output::{Output, SessionChange};
pub use storage_clauses::delimiters;

use crate::syntax::ast::{Describe, Statement};

pub async fn execute(context: &DdlContext<'_>, statement: &Statement) -> Result<Output, DdlError> {
    match statement {
        Statement::CreateDatabase(create) => databases::create(context, create).await,
        Statement::AlterDatabase { name, change } => databases::alter(context, name, change).await,
        Statement::DropDatabase { name, if_exists, cascade } => {
            databases::drop(context, name, *if_exists, *cascade).await
        }
        Statement::UseDatabase(name) => databases::switch(context, name).await,
        Statement::CreateTable(create) => create_table::execute(context, create).await,
        Statement::AlterTable(alter) => alter::execute(context, alter).await,
        // There is no trash, so PURGE asks for what happens anyway.
        Statement::DropTable { name, if_exists, .. } => drop_table::table(context, name, *if_exists).await,
        Statement::DropView { name, if_exists, materialized } => {
            drop_table::view(context, name, *if_exists, *materialized).await
        }
        Statement::CreateFunction(create) => functions::create(context, create).await,
        Statement::DropFunction { name, if_exists, temporary } => {
            functions::drop(context, name, *if_exists, *temporary).await
        }
        Statement::CreateMacro(create) => functions::create_macro(context, create),
        Statement::DropMacro { name, if_exists } => functions::drop_macro(context, name, *if_exists),
        // Functions are looked up in the catalog each time.
        Statement::ReloadFunctions => Ok(Output::none()),
        Statement::Msck { table, repair, action } => repair::execute(context, table, *repair, *action).await,
        Statement::Show(show) => show::execute(context, show).await,
        Statement::Describe(Describe::Function { .. }) => Err(DdlError::NotMine("DESCRIBE FUNCTION")),
        Statement::Describe(describe) => describe::execute(context, describe).await,
        Statement::Unsupported { words, .. } => Err(DdlError::Refused(format!("{words} is not supported"))),
        _ => Err(DdlError::NotMine("this")),
    }
}
