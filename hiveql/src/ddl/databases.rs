//! CREATE, ALTER and DROP DATABASE, and USE.

use super::{DdlContext, DdlError, Output, SessionChange, drop_table, table_checks};
use crate::{
    catalog::{DEFAULT_DATABASE, Database, PropertyMap},
    syntax::ast::{AlterDatabase, CreateDatabase, Name},
};

pub async fn create(context: &DdlContext<'_>, statement: &CreateDatabase) -> Result<Output, DdlError> {
    let name = statement.name.folded();
    table_checks::name(&name, statement.name.span)?;
    if statement.if_not_exists && context.catalog.shared.find_database(&name).await?.is_some() {
        return Ok(Output::none());
    }
    if statement.location.is_some() && statement.location == statement.managed_location {
        return Err(DdlError::Refused(
            "Managed and external locations for database cannot be the same".to_owned(),
        ));
    }
    let location = statement.location.clone().unwrap_or_else(|| format!("{}/{name}.db", context.warehouse));
    let database = Database {
        name,
        comment: statement.comment.clone(),
        location,
        managed_location: statement.managed_location.clone(),
        owner: context.facts.user.clone(),
        owner_kind: "USER".to_owned(),
        properties: statement.properties.iter().cloned().collect(),
    };
    context.catalog.shared.create_database(&database).await?;
    Ok(Output::none())
}

/// Every warehouse has a database `default`; made when a session first finds none.
pub async fn ensure_default(context: &DdlContext<'_>) -> Result<(), DdlError> {
    if context.catalog.shared.find_database(DEFAULT_DATABASE).await?.is_some() {
        return Ok(());
    }
    let database = Database {
        name: DEFAULT_DATABASE.to_owned(),
        comment: Some("Default Hive database".to_owned()),
        location: context.warehouse.to_owned(),
        managed_location: None,
        owner: "public".to_owned(),
        owner_kind: "ROLE".to_owned(),
        properties: PropertyMap::new(),
    };
    match context.catalog.shared.create_database(&database).await {
        // Another session's first statement was faster.
        Err(crate::catalog::CatalogError::DatabaseExists(_)) => Ok(()),
        done => Ok(done?),
    }
}

pub async fn alter(
    context: &DdlContext<'_>,
    name: &Name,
    change: &AlterDatabase,
) -> Result<Output, DdlError> {
    let old = context.catalog.shared.database(&name.folded()).await?;
    let mut new = old.record.clone();
    match change {
        AlterDatabase::Properties(properties) => new.properties.extend(properties.iter().cloned()),
        AlterDatabase::Owner { kind, name } => {
            new.owner_kind = kind.to_uppercase();
            new.owner = name.clone();
        }
        AlterDatabase::Location(location) => new.location.clone_from(location),
    }
    context.catalog.shared.alter_database(&old, &new).await?;
    Ok(Output::none())
}

pub async fn drop(
    context: &DdlContext<'_>,
    name: &Name,
    if_exists: bool,
    cascade: bool,
) -> Result<Output, DdlError> {
    let name = name.folded();
    let shared = &context.catalog.shared;
    if if_exists && shared.find_database(&name).await?.is_none() {
        return Ok(Output::none());
    }
    shared.database(&name).await?;
    if name == DEFAULT_DATABASE {
        return Err(DdlError::Refused("Can not drop default database".to_owned()));
    }
    if cascade {
        // Table by table: a kill leaves a database with fewer tables, which can be dropped again.
        for table in shared.tables(&name).await? {
            drop_table::remove(context, &table).await?;
        }
        for function in shared.functions(&name).await? {
            if let Some(function) = shared.find_function(&name, &function.name).await? {
                shared.drop_function(&function).await?;
            }
        }
    }
    let database = shared.database(&name).await?;
    shared.drop_database(&database).await?;
    if context.facts.database.eq_ignore_ascii_case(&name) {
        return Ok(Output::changing(SessionChange::Database(DEFAULT_DATABASE.to_owned())));
    }
    Ok(Output::none())
}

pub async fn switch(context: &DdlContext<'_>, name: &Name) -> Result<Output, DdlError> {
    let database = context.catalog.shared.database(&name.folded()).await?;
    Ok(Output::changing(SessionChange::Database(database.record.name)))
}
