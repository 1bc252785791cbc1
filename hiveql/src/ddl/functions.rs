//! Functions and macros.

use super::{DdlContext, DdlError, Output, Problem};
use crate::{
    catalog::{Function, Macro},
    syntax::ast::{CreateFunction, CreateMacro, ObjectName},
};

pub async fn create(context: &DdlContext<'_>, statement: &CreateFunction) -> Result<Output, DdlError> {
    let (database, name) = context.resolve(&statement.name)?;
    let function = Function {
        database,
        name,
        class: statement.class.clone(),
        owner: context.facts.user.clone(),
        created_seconds: context.now_seconds(),
        resources: statement.resources.clone(),
    };
    if statement.temporary {
        context.catalog.create_temporary_function(function);
    } else {
        context.catalog.shared.database(&function.database).await?;
        context.catalog.shared.create_function(&function).await?;
    }
    Ok(Output::none())
}

pub async fn drop(
    context: &DdlContext<'_>,
    name: &ObjectName,
    if_exists: bool,
    temporary: bool,
) -> Result<Output, DdlError> {
    let (database, function) = context.resolve(name)?;
    let forgiving = if_exists || !context.setting_is("hive.exec.drop.ignorenonexistent", "false");
    let shared = &context.catalog.shared;
    let was_there = if temporary {
        context.catalog.drop_temporary_function(&function)
    } else if let Some(found) = shared.find_function(&database, &function).await? {
        shared.drop_function(&found).await?;
        true
    } else {
        false
    };
    if was_there || forgiving { Ok(Output::none()) } else { Err(Problem::NoFunction(function).into()) }
}

pub fn create_macro(context: &DdlContext<'_>, statement: &CreateMacro) -> Result<Output, DdlError> {
    let (_, name) = context.resolve(&statement.name)?;
    let parameters = statement.parameters.iter().map(|(name, ty)| (name.folded(), ty.clone()));
    context.catalog.create_macro(Macro {
        name,
        parameters: parameters.collect(),
        body: statement.body.clone(),
    });
    Ok(Output::none())
}

pub fn drop_macro(context: &DdlContext<'_>, name: &ObjectName, if_exists: bool) -> Result<Output, DdlError> {
    let (_, name) = context.resolve(name)?;
    let forgiving = if_exists || !context.setting_is("hive.exec.drop.ignorenonexistent", "false");
    if context.catalog.drop_macro(&name) || forgiving {
        return Ok(Output::none());
    }
    Err(Problem::NoFunction(name).into())
}
