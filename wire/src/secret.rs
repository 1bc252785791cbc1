//! The cluster secret and what is derived from it. Neither ever travels: the handshake proves them.

use serde::{Deserialize, Serialize};
use std::{fmt, io, path::Path};

/// 32 random bytes that every process of one cluster holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

/// What a job's processes hold instead of the secret: HMAC(secret, "job" || job). It opens what the job may use
/// (blocks, shuffle, its worker) and can be checked without being stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobToken([u8; 32]);

/// What a process proves in a handshake.
#[derive(Clone, Debug)]
pub enum Credential {
    Cluster(Secret),
    Job { job: String, token: JobToken },
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Debug for JobToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobToken(..)")
    }
}

impl Secret {
    pub fn random() -> Secret {
        unimplemented!()
    }

    /// Reads the secret at `path`; refuses a file that others can read.
    pub fn load(path: &Path) -> io::Result<Secret> {
        unimplemented!()
    }

    /// Reads the secret at `path`, or makes it there with mode 0600 (atomically: two starters agree on one).
    pub fn load_or_create(path: &Path) -> io::Result<Secret> {
        unimplemented!()
    }

    pub fn token_for(&self, job: &str) -> JobToken {
        unimplemented!()
    }

    /// Lower-case hexadecimal, as in the file.
    pub fn to_hex(&self) -> String {
        unimplemented!()
    }

    pub fn from_hex(text: &str) -> Option<Secret> {
        unimplemented!()
    }
}

impl JobToken {
    /// Lower-case hexadecimal: how a worker hands the token to a task process, through its environment.
    pub fn to_hex(&self) -> String {
        unimplemented!()
    }

    pub fn from_hex(text: &str) -> Option<JobToken> {
        unimplemented!()
    }
}
