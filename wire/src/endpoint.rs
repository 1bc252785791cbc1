//! Where a process listens: `host:port` or `unix:/path`.

use serde::{Deserialize, Serialize};
use std::{fmt, path::PathBuf, str::FromStr};

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Endpoint {
    Tcp(String),
    Unix(PathBuf),
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("`{text}` is not an address: {reason}; write HOST:PORT (for example 127.0.0.1:7077) or unix:/PATH")]
pub struct EndpointError {
    pub text: String,
    pub reason: &'static str,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp(address) => f.write_str(address),
            Endpoint::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        unimplemented!()
    }
}
