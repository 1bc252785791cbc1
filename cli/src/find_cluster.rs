//! Which cluster a client means, and the secret that opens it.
//!
//! The master: `--master`, `SKEP_MASTER`, the last `skep up` of this user. The secret: `--secret`, `SKEP_SECRET_FILE`, that of
//! the last `skep up` when it is the same master, `~/.config/skep/secret`.

use crate::args::GlobalArgs;
use serde::{Deserialize, Serialize};
use skep_jobs::submit::{SubmitEnvironment, environment};
use skep_wire::Endpoint;
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

pub const MASTER_VARIABLE: &str = "SKEP_MASTER";
pub const SECRET_VARIABLE: &str = "SKEP_SECRET_FILE";

#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error(
        "no cluster is known; start one with `skep up`, or name its master with --master HOST:PORT or SKEP_MASTER"
    )]
    NoCluster,
    #[error("the variable SKEP_MASTER is wrong")]
    BadVariable(#[source] skep_wire::endpoint::EndpointError),
    #[error(
        "no secret for the cluster at {master}: copy the file `secret` of the master's data directory here and name it with --secret FILE or SKEP_SECRET_FILE, or store it as {}", standard.display()
    )]
    NoSecret { master: Endpoint, standard: PathBuf },
}

/// Where a cluster is and how to prove that one may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAddress {
    pub master: Endpoint,
    pub secret_file: PathBuf,
}

/// What `skep up` remembers for the clients of this user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUp {
    pub master: Endpoint,
    pub secret_file: PathBuf,
    pub data: PathBuf,
}

impl LastUp {
    fn file() -> Option<PathBuf> {
        environment::state_directory().map(|directory| directory.join("last-up.json"))
    }

    pub fn recall() -> Option<LastUp> {
        serde_json::from_slice(&fs::read(LastUp::file()?).ok()?).ok()
    }

    pub fn remember(&self) -> io::Result<()> {
        let Some(file) = LastUp::file() else { return Ok(()) };
        let directory = file.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(directory)?;
        let mut temporary = tempfile::NamedTempFile::new_in(directory)?;
        serde_json::to_writer_pretty(&mut temporary, self)?;
        temporary.persist(&file)?;
        Ok(())
    }

    /// Forgets the last `skep up` if it is the one in `data`.
    pub fn forget(data: &Path) {
        if let Some(file) = LastUp::file()
            && LastUp::recall().is_some_and(|last| last.data == data)
        {
            let _ = fs::remove_file(file);
        }
    }
}

/// What the environment of this process says, read once.
#[derive(Debug, Clone, Default)]
struct Surroundings {
    master: Option<String>,
    secret: Option<PathBuf>,
    last_up: Option<LastUp>,
    configuration: PathBuf,
}

impl Surroundings {
    fn read() -> Surroundings {
        let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let configuration = absolute("XDG_CONFIG_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".config")))
            .unwrap_or_else(|| PathBuf::from("/etc"));
        Surroundings {
            master: env::var(MASTER_VARIABLE).ok().filter(|text| !text.is_empty()),
            secret: env::var_os(SECRET_VARIABLE).filter(|text| !text.is_empty()).map(PathBuf::from),
            last_up: LastUp::recall(),
            configuration: configuration.join("skep"),
        }
    }
}

pub fn find(given: &GlobalArgs) -> Result<ClusterAddress, FindError> {
    decide(given, Surroundings::read())
}

/// What a job submission and the clients need of this user and machine.
pub fn submit_environment(given: &GlobalArgs) -> Result<SubmitEnvironment, FindError> {
    let address = find(given)?;
    Ok(SubmitEnvironment {
        master: address.master,
        secret_file: address.secret_file,
        user: environment::user_name(),
        name: None,
        conf: Vec::new(),
        detach: false,
    })
}

fn decide(given: &GlobalArgs, around: Surroundings) -> Result<ClusterAddress, FindError> {
    let master = match (&given.master, &around.master, &around.last_up) {
        (Some(master), _, _) => master.clone(),
        (None, Some(text), _) => text.parse().map_err(FindError::BadVariable)?,
        (None, None, Some(last_up)) => last_up.master.clone(),
        (None, None, None) => return Err(FindError::NoCluster),
    };
    let secret_file = decide_secret(given, &around, &master)?;
    Ok(ClusterAddress { master, secret_file })
}

fn decide_secret(given: &GlobalArgs, around: &Surroundings, master: &Endpoint) -> Result<PathBuf, FindError> {
    if let Some(file) = given.secret.clone().or_else(|| around.secret.clone()) {
        return Ok(file);
    }
    if let Some(last_up) = around.last_up.as_ref().filter(|last_up| last_up.master == *master) {
        return Ok(last_up.secret_file.clone());
    }
    let standard = around.configuration.join("secret");
    if standard.exists() {
        return Ok(standard);
    }
    Err(FindError::NoSecret { master: master.clone(), standard })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(text: &str) -> Endpoint {
        Endpoint::Tcp(text.to_owned())
    }

    fn last_up() -> LastUp {
        LastUp { master: tcp("127.0.0.1:3"), secret_file: "/up/master/secret".into(), data: "/up".into() }
    }

    #[test]
    fn the_flag_wins_over_the_variable_and_that_over_the_last_up() {
        let mut around = Surroundings { last_up: Some(last_up()), ..Surroundings::default() };
        let mut given = GlobalArgs::default();
        let found = decide(&given, around.clone()).unwrap();
        assert_eq!(found.master, tcp("127.0.0.1:3"));
        assert_eq!(found.secret_file, Path::new("/up/master/secret"));
        around.master = Some("127.0.0.1:2".to_owned());
        around.secret = Some("/from/variable".into());
        let found = decide(&given, around.clone()).unwrap();
        assert_eq!((found.master, found.secret_file), (tcp("127.0.0.1:2"), "/from/variable".into()));
        given.master = Some(tcp("127.0.0.1:1"));
        given.secret = Some("/from/flag".into());
        let found = decide(&given, around).unwrap();
        assert_eq!((found.master, found.secret_file), (tcp("127.0.0.1:1"), "/from/flag".into()));
    }

    #[test]
    fn the_secret_of_another_cluster_is_not_tried() {
        let given = GlobalArgs { master: Some(tcp("10.0.0.1:7077")), ..GlobalArgs::default() };
        let directory = tempfile::tempdir().unwrap();
        let around = Surroundings {
            last_up: Some(last_up()),
            configuration: directory.path().to_owned(),
            ..Surroundings::default()
        };
        assert!(matches!(decide(&given, around.clone()), Err(FindError::NoSecret { .. })));
        fs::write(directory.path().join("secret"), "").unwrap();
        assert_eq!(decide(&given, around).unwrap().secret_file, directory.path().join("secret"));
    }

    #[test]
    fn without_any_cluster_the_error_says_what_to_do() {
        let error = decide(&GlobalArgs::default(), Surroundings::default()).unwrap_err();
        assert!(error.to_string().contains("skep up"));
        let around = Surroundings { master: Some("nonsense".to_owned()), ..Surroundings::default() };
        assert!(matches!(decide(&GlobalArgs::default(), around), Err(FindError::BadVariable(_))));
    }
}
