//! Functions that are programs, as a session knows them.

use super::{Session, SessionError, stores::local_path};
use crate::{catalog::Function, functions::program::Program};
use std::collections::HashMap;

impl Session {
    /// Those of the session by their names, others as `database.name`.
    pub(super) async fn programs(&self) -> Result<HashMap<String, Program>, SessionError> {
        let lasting = self.catalog.shared.all_functions().await?;
        let lasting = lasting.into_iter().map(|made| (format!("{}.{}", made.database, made.name), made));
        let own = self.catalog.temporary_functions().into_iter().map(|made| (made.name.clone(), made));
        let all: Vec<(String, Function)> = lasting.chain(own).collect();
        if all.is_empty() {
            return Ok(HashMap::new());
        }
        let options = self.script_options();
        let program = |made: Function| Program {
            name: made.name,
            class: made.class,
            resources: made
                .resources
                .into_iter()
                .map(|(kind, place)| (kind, local_path(&place).unwrap_or(&place).to_owned()))
                .collect(),
            environment: options.environment.clone(),
            files: options.files.clone(),
        };
        Ok(all.into_iter().map(|(key, made)| (key, program(made))).collect())
    }
}

/// Whether the files of this machine are there that a function is made with.
pub(super) fn check_resources(resources: &[(String, String)]) -> Result<(), SessionError> {
    // Jars are never opened.
    for (_, place) in resources.iter().filter(|(kind, _)| kind != "JAR") {
        let path = local_path(place).unwrap_or(place);
        if !path.contains("://") && !std::path::Path::new(path).exists() {
            return Err(SessionError::new(format!("{place} does not exist")));
        }
    }
    Ok(())
}
