//! Functions that are programs of the user's: `CREATE FUNCTION f AS 'program --flag RETURNS int' USING FILE '/path/program'`.
//!
//! The program gets a line for each row, the arguments separated by tabs as TRANSFORM writes them with
//! `hive.transform.escape.input` (`\N` is NULL; tabs, line feeds and backslashes inside of text stand behind a
//! backslash), and must answer each line with one line: the result, in the same form. It runs as long as the query does,
//! one process for each partition that is computed at the same time, and works through many rows: **it must flush its
//! output after each answer**, or when its input has nothing more to read. It is killed when the query ends.
//!
//! What it returns stands behind `RETURNS`, a string where nothing stands there. Equal arguments must give equal answers.
//!
//! * [`ProgramDescription`] says all of one function. It travels in a call's first argument, as a constant, so that
//!   another process can resolve the call again.
//! * `service` is the program as it runs.

mod service;
#[cfg(test)]
mod tests;

use super::{
    Arg, FunctionError, Kernel, Scalar, ScalarFunction, SessionFacts,
    resolve::{constant_text, count, wrong_value},
};
use crate::{formats::RowWords, script::ScriptFile, syntax::parse_type, types::HiveType};
use datafusion::{arrow::array::ArrayRef, logical_expr::Volatility};
use serde::{Deserialize, Serialize};
use service::Service;
use std::{collections::BTreeMap, path::Path};

/// Nobody calls it by its name: the planner does, with the description before the arguments.
pub(crate) const INTERNAL_PROGRAM: &str = "internal_program";
const RETURNS: &str = " returns ";

pub const FUNCTIONS: &[ScalarFunction] = &[ScalarFunction {
    name: INTERNAL_PROGRAM,
    aliases: &[],
    usage: "_FUNC_(description, arg...) - Calls a program of the user's, which is described as JSON",
    extended: "",
    resolve,
}];

/// A function as CREATE FUNCTION says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// As it is called.
    pub name: String,
    /// A command, and what it returns.
    pub class: String,
    /// JAR, FILE or ARCHIVE, and the path on this machine.
    pub resources: Vec<(String, String)>,
    /// Variables of the program's environment, and the files that the session knows.
    pub environment: Vec<(String, String)>,
    pub files: Vec<ScriptFile>,
}

/// What a process needs to know to run the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProgramDescription {
    function: String,
    command: String,
    returns: HiveType,
    environment: Vec<(String, String)>,
    files: Vec<ScriptFile>,
}

impl Program {
    pub(crate) fn describe(&self) -> Result<ProgramDescription, FunctionError> {
        let (command, returns) = self.signature()?;
        let own = self.resources.iter().filter(|(kind, _)| kind != "JAR").filter_map(|(_, path)| {
            let name = Path::new(path).file_name()?.to_str()?.to_owned();
            Some(ScriptFile { name, path: path.clone() })
        });
        let files: Vec<ScriptFile> = own.chain(self.files.iter().cloned()).collect();
        let program = command.split(' ').find(|word| !word.is_empty()).unwrap_or_default();
        let name = program.strip_prefix("./").unwrap_or(program);
        if !program.starts_with('/') && !files.iter().any(|file| file.name == name) {
            let (function, class) = (self.name.clone(), self.class.clone());
            return Err(FunctionError::NotAProgram { function, class });
        }
        Ok(ProgramDescription {
            function: self.name.clone(),
            command: command.to_owned(),
            returns,
            environment: self.environment.clone(),
            files,
        })
    }

    /// What DESCRIBE FUNCTION prints.
    pub(crate) fn lines(&self, name: &str, extended: bool) -> Vec<String> {
        let mut lines = vec![format!("There is no documentation for function '{name}'")];
        if extended {
            lines.push(format!("Function class:{}", self.class));
            lines.extend(self.resources.iter().map(|(_, path)| format!("Resource:{path}")));
        }
        lines
    }

    fn signature(&self) -> Result<(&str, HiveType), FunctionError> {
        // Only letters of ASCII change, so places stay what they are.
        let Some(at) = self.class.to_ascii_lowercase().rfind(RETURNS) else {
            return Ok((self.class.trim(), HiveType::String));
        };
        let (command, ty) = (&self.class[..at], &self.class[at + RETURNS.len()..]);
        let ty = parse_type(ty.trim()).map_err(|error| FunctionError::Signature {
            function: self.name.clone(),
            class: self.class.clone(),
            reason: error.to_string(),
        })?;
        Ok((command.trim(), ty))
    }
}

impl ProgramDescription {
    /// As it stands in a call.
    pub(crate) fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// Of a call's first argument.
    pub(crate) fn of_text(text: &str) -> serde_json::Result<ProgramDescription> {
        serde_json::from_str(text)
    }

    /// What must be on the machine where it runs.
    pub(crate) fn files(&self) -> &[ScriptFile] {
        &self.files
    }

    fn words(&self, columns: Vec<(String, HiveType)>) -> RowWords {
        let (serde, properties) = (String::new(), BTreeMap::new());
        RowWords { serde, properties, columns, last_takes_rest: false, escaped: true }
    }
}

fn resolve(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=usize::MAX)?;
    let text = constant_text(name, args, 0)?;
    let description = ProgramDescription::of_text(&text);
    let description = description.map_err(|error| wrong_value(name, 0, error.to_string()))?;
    let returns = description.returns.clone();
    let takes: Vec<HiveType> = args
        .iter()
        .map(|arg| if arg.ty == HiveType::Void { HiveType::String } else { arg.ty.clone() })
        .collect();
    let service = Service::new(description, &takes[1..], facts.scripts.clone());
    let service = service.map_err(|error| wrong_value(name, 0, error.to_string()))?;
    // Stable, not immutable: a program is not run while a query is planned.
    let kernel = Kernel::new(name, args, returns.arrow(), Volatility::Stable, move |columns, rows| {
        let arguments: Vec<ArrayRef> = columns[1..].to_vec();
        service.answers(arguments, rows)
    });
    Ok(Scalar { args: takes, returns, udf: kernel.into_udf() })
}
