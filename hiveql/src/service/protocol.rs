//! What client and service tell each other.

use crate::{
    functions::SessionFacts,
    session::{Progress, SessionError},
    syntax::ast::Span,
    types::HiveType,
};
use serde::{Deserialize, Serialize};

/// Name of the service in the handshake.
pub const HIVE_SERVICE: &str = "hive";

/// How a client wants its session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OpenSession {
    pub database: Option<String>,
    pub conf: Vec<(String, String)>,
    pub variables: Vec<(String, String)>,
    pub user: String,
}

/// Statements are numbered by the client; a number is used once.
pub(super) type StatementNumber = u64;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Request {
    Open(OpenSession),
    Run { statement: StatementNumber, text: String },
    Cancel { statement: StatementNumber },
    Complete { statement: StatementNumber, prefix: String },
}

/// Answers carry the number of their statement: a client that has cancelled one reads past what is left of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Reply {
    pub statement: StatementNumber,
    pub body: Body,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Body {
    /// How far the statement's job is.
    Progress(Progress),
    /// Rows follow, in these columns.
    Columns { columns: Vec<(String, HiveType)>, facts: SessionFacts },
    /// The next piece of the rows' IPC stream.
    Rows(#[serde(with = "serde_bytes_of")] Vec<u8>),
    /// The last one of its statement.
    End { end: End, state: SessionState },
}

/// How a statement ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum End {
    Done {
        notes: Vec<String>,
    },
    Text(Vec<String>),
    Shell(String),
    Source(String),
    Quit,
    /// After the last of its rows.
    RowsOver,
    Failed(Failure),
}

/// What the client shows of the session between statements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionState {
    pub database: String,
    /// All settings, where some may have changed since they were sent last.
    pub settings: Option<Vec<(String, String)>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub message: String,
    pub span: Option<(usize, usize)>,
    pub hints: Vec<String>,
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Failure {
        let span = error.span.map(|span| (span.start, span.end));
        Failure { message: error.message, span, hints: error.hints }
    }
}

impl From<Failure> for SessionError {
    fn from(failure: Failure) -> SessionError {
        let span = failure.span.map(|(start, end)| Span::new(start, end));
        SessionError { message: failure.message, span, hints: failure.hints }
    }
}

/// Bytes as one piece: the codec would count each as a number.
mod serde_bytes_of {
    use serde::{Deserializer, Serializer, de::Visitor};
    use std::fmt;

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}
