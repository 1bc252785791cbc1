//! How `skep submit` tells a job binary where to submit, and what a client knows of its user and machine.

use crate::submit::SubmitError;
use serde::{Deserialize, Serialize};
use skep_wire::Endpoint;
use std::{env, path::PathBuf};

/// Holds a [`SubmitEnvironment`] as JSON. While it is set, a job binary submits itself instead of running locally.
pub const SUBMIT_VARIABLE: &str = "SKEP_SUBMIT";
/// The user name to act as; without it `USER`, `LOGNAME` or the name of the user id.
pub const USER_VARIABLE: &str = "SKEP_USER";

/// What `skep submit` was told, for the job binary that it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitEnvironment {
    pub master: Endpoint,
    /// File with the cluster secret.
    pub secret_file: PathBuf,
    pub user: String,
    /// Instead of the name that the job gives itself.
    pub name: Option<String>,
    /// `--conf K=V` in the order given.
    pub conf: Vec<(String, String)>,
    /// Submit and leave: print the job's id and do not watch.
    pub detach: bool,
}

impl SubmitEnvironment {
    /// The value for [`SUBMIT_VARIABLE`].
    pub fn to_json(&self) -> Result<String, SubmitError> {
        serde_json::to_string(self).map_err(|error| SubmitError::Environment { reason: error.to_string() })
    }
}

/// What `skep submit` wishes, if it started this process.
pub fn from_environment() -> Result<Option<SubmitEnvironment>, SubmitError> {
    super::marker::keep();
    let Some(text) = env::var_os(SUBMIT_VARIABLE) else { return Ok(None) };
    let text = text.into_string().map_err(|_| SubmitError::Environment { reason: "not UTF-8".to_owned() })?;
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| SubmitError::Environment { reason: error.to_string() })
}

/// The user that this process acts for.
pub fn user_name() -> String {
    [USER_VARIABLE, "USER", "LOGNAME"]
        .iter()
        .filter_map(|name| env::var(name).ok())
        .find(|name| !name.is_empty())
        .unwrap_or_else(name_of_user_id)
}

fn name_of_user_id() -> String {
    let id = rustix::process::getuid().as_raw().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    });
    name.unwrap_or(id)
}

/// This machine's name, as workers give theirs: equal names mean that local sockets and files can be shared.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Where a client remembers things between runs: `$XDG_STATE_HOME/skep`, else `~/.local/state/skep`.
pub fn state_directory() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("skep"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_survives_its_text_form() {
        let given = SubmitEnvironment {
            master: Endpoint::Tcp("127.0.0.1:7077".to_owned()),
            secret_file: "/tmp/with space/secret".into(),
            user: "ada".to_owned(),
            name: Some("a \"quoted\" name".to_owned()),
            conf: vec![("job.x".to_owned(), "1=2".to_owned())],
            detach: true,
        };
        let text = given.to_json().unwrap();
        assert_eq!(serde_json::from_str::<SubmitEnvironment>(&text).unwrap(), given);
    }

    #[test]
    fn a_user_always_has_a_name() {
        assert!(!user_name().is_empty());
        assert!(!name_of_user_id().is_empty());
    }
}
