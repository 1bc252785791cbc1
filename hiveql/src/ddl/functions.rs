//! Functions and macros.

use super::{DdlContext, DdlError, Output, Problem};
use crate::{
    catalog::{Function, Macro},
    syntax::ast::{CreateFunction, CreateMacro, ExprKind, Name, ObjectName, walk},
};

/// Where Hive's own functions live.
const FUNCTION_CLASSES: &str = "org.apache.hadoop.hive.ql.udf.";

pub async fn create(context: &DdlContext<'_>, statement: &CreateFunction) -> Result<Output, DdlError> {
    let (database, name) = context.resolve(&statement.name)?;
    if statement.temporary && statement.name.parts.len() > 1 {
        return Err(DdlError::Refused(
            "Temporary function cannot be created with a qualified name.".to_owned(),
        ));
    }
    if statement.resources.is_empty() && is_unknown_class(&statement.class) {
        return Err(DdlError::Refused(format!("Class {} not found", statement.class)));
    }
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

/// Whether it is the name of a Java class that nobody can have: without resources, functions are Hive's own or programs.
fn is_unknown_class(class: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && word.chars().all(|one| one.is_ascii_alphanumeric() || "_$".contains(one))
    };
    if class.split('.').count() < 3 || !class.split('.').all(is_word) {
        return false;
    }
    let Some(name) = class.strip_prefix(FUNCTION_CLASSES) else {
        return !class.starts_with("org.apache.hadoop.hive.")
            || class.starts_with("org.apache.hadoop.hive.ql.");
    };
    !["UDF", "UDAF", "UDTF", "GenericUD"]
        .iter()
        .any(|kind| name.trim_start_matches("generic.").starts_with(kind))
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
    if !was_there && crate::functions::registry::description(&function).is_some() {
        return Err(Problem::DropsNative(function).into());
    }
    if was_there || forgiving { Ok(Output::none()) } else { Err(Problem::NoFunction(function).into()) }
}

pub fn create_macro(context: &DdlContext<'_>, statement: &CreateMacro) -> Result<Output, DdlError> {
    let (_, name) = context.resolve(&statement.name)?;
    check_parameters(statement)?;
    let parameters = statement.parameters.iter().map(|(name, ty)| (name.folded(), ty.clone()));
    context.catalog.create_macro(Macro {
        name,
        parameters: parameters.collect(),
        body: statement.body.clone(),
    });
    Ok(Output::none())
}

fn check_parameters(statement: &CreateMacro) -> Result<(), DdlError> {
    for (index, (parameter, _)) in statement.parameters.iter().enumerate() {
        let is_it = |name: &Name| name.folded() == parameter.folded();
        if statement.parameters[..index].iter().any(|(earlier, _)| is_it(earlier)) {
            return Err(DdlError::Refused(format!(
                "At least one parameter name was used more than once: {}",
                parameter.text
            )));
        }
        if !walk::any(&statement.body, &mut |expr| matches!(&expr.kind, ExprKind::Name(name) if is_it(name)))
        {
            return Err(DdlError::Refused(format!(
                "At least one parameter name was not used in the macro expression: {}",
                parameter.text
            )));
        }
    }
    Ok(())
}

pub fn drop_macro(context: &DdlContext<'_>, name: &ObjectName, if_exists: bool) -> Result<Output, DdlError> {
    let (_, name) = context.resolve(name)?;
    let forgiving = if_exists || !context.setting_is("hive.exec.drop.ignorenonexistent", "false");
    if context.catalog.drop_macro(&name) || forgiving {
        return Ok(Output::none());
    }
    Err(Problem::NoFunction(name).into())
}
