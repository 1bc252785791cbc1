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
        let wrong = |reason| EndpointError { text: text.to_owned(), reason };
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err(wrong("the path is empty")),
                _ => Ok(Endpoint::Unix(PathBuf::from(path))),
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| wrong("the port is missing"))?;
        if !port.bytes().all(|byte| byte.is_ascii_digit()) || port.parse::<u16>().is_err() {
            return Err(wrong("the port is not a number from 0 to 65535"));
        }
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').ok_or_else(|| wrong("the bracket `[` is not closed"))?,
            None if host.contains(':') => {
                return Err(wrong("an IPv6 host stands in brackets, as in [::1]:7077"));
            }
            None => host,
        };
        if name.is_empty() {
            return Err(wrong("the host is missing"));
        }
        if name.contains(|c: char| c.is_whitespace() || c == '/') {
            return Err(wrong("a host has no spaces and no slashes"));
        }
        Ok(Endpoint::Tcp(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_being_written_and_read() {
        for text in
            ["127.0.0.1:7077", "localhost:0", "[::1]:7077", "node-7.example:65535", "unix:/run/skep/w.sock"]
        {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, reason) in [
            ("", "the port is missing"),
            ("localhost", "the port is missing"),
            (":7077", "the host is missing"),
            ("[]:7077", "the host is missing"),
            ("host:", "the port is not"),
            ("host:+7", "the port is not"),
            ("host:65536", "the port is not"),
            ("::1:7077", "IPv6"),
            ("[::1:7077", "not closed"),
            ("http://host:80", "IPv6"),
            ("a b:80", "no spaces"),
            ("unix:", "the path is empty"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
