//! Version, service and mutual proof of the secret, before any frame.
//!
//! ```text
//! client                                            server
//!   hello: version, mode, identity, service, nonce ──►
//!   ◄── reply: challenge with the server's nonce, or a refusal
//!   proof: HMAC(key, "client", hello, challenge)  ──►    checks it, asks the acceptor
//!   ◄── reply: welcome with HMAC(key, "server", hello, challenge), or a refusal
//! ```
//!
//! The key is the cluster secret or, for a job, its token. Neither side believes the other without a proof over its
//! own nonce. All integers are little-endian, every message has one size; version 1:
//!
//! | hello | size | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic `SKEP` |
//! | 4 | 2 | version; these six bytes are the same in every version |
//! | 6 | 1 | mode: 1 calls, 2 exchange |
//! | 7 | 1 | identity: 1 cluster, 2 job |
//! | 8 | 16 | nonce |
//! | 24 | 1 | length of the service's name |
//! | 25 | 1 | length of the job's name, 0 for the cluster |
//! | 26 | 64 | the service's name, then zeros |
//! | 90 | 64 | the job's name, then zeros |
//!
//! | reply | size | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic `SKEP` |
//! | 4 | 2 | version |
//! | 6 | 1 | 0 go on; a refusal: 1 version, 2 secret, 3 service, 4 forbidden, 5 not Skep |
//! | 7 | 1 | 0 |
//! | 8 | 32 | challenge: nonce of 16 bytes, then zeros; welcome: proof; refusal: zeros |
//!
//! The proof is 32 bytes and nothing else.

#[cfg(test)]
mod tests;

use crate::{
    Credential, Identity, Mode, Secret,
    connection::Stream,
    limits::{NAME_BYTES_MAX, WIRE_VERSION},
    secret::ProofKey,
};
use rand::{TryRngCore, rngs::OsRng};
use serde::{Deserialize, Serialize};
use std::{io, str};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Why the other side would not talk. Typed on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error(
        "it speaks wire version {theirs}, this program speaks {ours}: use the same release on both sides"
    )]
    Version { ours: u16, theirs: u16 },
    #[error(
        "the secret does not match: copy the file `secret` of the master's data directory to this machine"
    )]
    Secret,
    #[error("it has no service `{service}`")]
    Service { service: String },
    #[error("a job token does not open the service `{service}`")]
    Forbidden { service: String },
    #[error(
        "the job of this token is over, or was never of this cluster: a token opens `{service}` only while its job runs"
    )]
    JobOver { service: String },
    #[error("it is not a Skep process (the first bytes are not the protocol's)")]
    NotSkep,
}

/// A handshake did not end in a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// At the client: what the server said, or what it could not prove. At the server: what it said.
    #[error("{0}")]
    Refused(Refusal),
    #[error(transparent)]
    Io(#[from] io::Error),
}

const MAGIC: &[u8; 4] = b"SKEP";
/// Magic and version.
const START_BYTES: usize = 6;
const HELLO_BYTES: usize = 154;
const REPLY_BYTES: usize = 40;
const NONCE_BYTES: usize = 16;
const PROOF_BYTES: usize = 32;
const GO_ON: u8 = 0;
/// What a refused client may still have been sending; read before the socket is closed, so that the system does not
/// reset the connection and throw the refusal away.
const REFUSED_BYTES_MAX: u64 = 4096;

/// What the client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) mode: Mode,
    pub(crate) identity: Identity,
    pub(crate) service: String,
}

/// The connecting side.
pub(crate) async fn connect(
    stream: &mut Stream,
    credential: &Credential,
    service: &str,
    mode: Mode,
) -> Result<(), HandshakeError> {
    let identity = match credential {
        Credential::Cluster(_) => Identity::Cluster,
        Credential::Job { job, .. } => Identity::Job(job.clone()),
    };
    let hello = Hello { mode, identity, service: service.to_owned() }.encode(&nonce())?;
    stream.write.write_all(&hello).await?;
    stream.write.flush().await?;
    let challenge = read_reply(stream, service).await?;
    let key = ProofKey::of(credential);
    stream.write.write_all(&key.prove(&[b"client", &hello, &challenge])).await?;
    stream.write.flush().await?;
    let welcome = read_reply(stream, service).await?;
    if key.proves(&[b"server", &hello, &challenge], &welcome) {
        Ok(())
    } else {
        Err(HandshakeError::Refused(Refusal::Secret))
    }
}

/// The accepting side. `admit` is asked once the client has proved its identity.
pub(crate) async fn accept(
    stream: &mut Stream,
    secret: &Secret,
    admit: impl Fn(&Hello) -> Result<(), Refusal>,
) -> Result<Hello, HandshakeError> {
    let accepted = accept_or_refuse(stream, secret, admit).await;
    if let Err(HandshakeError::Refused(refusal)) = &accepted {
        // Whether the other side hears it changes nothing here.
        let _ = refuse(stream, refusal).await;
    }
    accepted
}

async fn accept_or_refuse(
    stream: &mut Stream,
    secret: &Secret,
    admit: impl Fn(&Hello) -> Result<(), Refusal>,
) -> Result<Hello, HandshakeError> {
    let mut bytes = [0; HELLO_BYTES];
    // In two steps: a client that is not of this version may never send the rest.
    stream.read.read_exact(&mut bytes[..START_BYTES]).await?;
    check_start(&bytes)?;
    stream.read.read_exact(&mut bytes[START_BYTES..]).await?;
    let hello = Hello::decode(&bytes).ok_or(HandshakeError::Refused(Refusal::NotSkep))?;

    let mut challenge = [0; PROOF_BYTES];
    challenge[..NONCE_BYTES].copy_from_slice(&nonce());
    write_reply(stream, GO_ON, &challenge).await?;
    let mut proof = [0; PROOF_BYTES];
    stream.read.read_exact(&mut proof).await?;
    let key = ProofKey::of(&match &hello.identity {
        Identity::Cluster => Credential::Cluster(secret.clone()),
        Identity::Job(job) => Credential::Job { job: job.clone(), token: secret.token_for(job) },
    });
    if !key.proves(&[b"client", &bytes, &challenge], &proof) {
        return Err(HandshakeError::Refused(Refusal::Secret));
    }
    admit(&hello).map_err(HandshakeError::Refused)?;
    write_reply(stream, GO_ON, &key.prove(&[b"server", &bytes, &challenge])).await?;
    Ok(hello)
}

fn nonce() -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    if OsRng.try_fill_bytes(&mut nonce).is_err() {
        // The thread's generator was seeded by the system and serves as well: a nonce must be fresh, not secret.
        rand::Rng::fill(&mut rand::rng(), &mut nonce);
    }
    nonce
}

/// Magic and version, at the start of whatever the other side said first.
fn check_start(bytes: &[u8]) -> Result<(), HandshakeError> {
    if !bytes.starts_with(MAGIC) {
        return Err(HandshakeError::Refused(Refusal::NotSkep));
    }
    match u16::from_le_bytes([bytes[4], bytes[5]]) {
        WIRE_VERSION => Ok(()),
        theirs => Err(HandshakeError::Refused(Refusal::Version { ours: WIRE_VERSION, theirs })),
    }
}

async fn write_reply(stream: &mut Stream, code: u8, rest: &[u8; PROOF_BYTES]) -> io::Result<()> {
    let mut reply = [0; REPLY_BYTES];
    reply[..4].copy_from_slice(MAGIC);
    reply[4..6].copy_from_slice(&WIRE_VERSION.to_le_bytes());
    reply[6] = code;
    reply[8..].copy_from_slice(rest);
    stream.write.write_all(&reply).await?;
    stream.write.flush().await
}

async fn refuse(stream: &mut Stream, refusal: &Refusal) -> io::Result<()> {
    let code = match refusal {
        Refusal::Version { .. } => 1,
        Refusal::Secret => 2,
        Refusal::Service { .. } => 3,
        Refusal::Forbidden { .. } => 4,
        Refusal::NotSkep => 5,
        Refusal::JobOver { .. } => 6,
    };
    write_reply(stream, code, &[0; PROOF_BYTES]).await?;
    stream.write.shutdown().await?;
    tokio::io::copy(&mut (&mut stream.read).take(REFUSED_BYTES_MAX), &mut tokio::io::sink()).await?;
    Ok(())
}

/// What follows a reply's code, when the server goes on.
async fn read_reply(stream: &mut Stream, service: &str) -> Result<[u8; PROOF_BYTES], HandshakeError> {
    let mut reply = [0; REPLY_BYTES];
    stream.read.read_exact(&mut reply[..START_BYTES]).await?;
    let start = check_start(&reply);
    if let Err(HandshakeError::Refused(Refusal::NotSkep)) = start {
        return Err(HandshakeError::Refused(Refusal::NotSkep));
    }
    stream.read.read_exact(&mut reply[START_BYTES..]).await?;
    start?;
    let refusal = match reply[6] {
        GO_ON => {
            let mut rest = [0; PROOF_BYTES];
            rest.copy_from_slice(&reply[8..]);
            return Ok(rest);
        }
        2 => Refusal::Secret,
        3 => Refusal::Service { service: service.to_owned() },
        4 => Refusal::Forbidden { service: service.to_owned() },
        6 => Refusal::JobOver { service: service.to_owned() },
        // A server of this version has no other reason.
        _ => Refusal::NotSkep,
    };
    Err(HandshakeError::Refused(refusal))
}

impl Hello {
    fn encode(&self, nonce: &[u8; NONCE_BYTES]) -> io::Result<[u8; HELLO_BYTES]> {
        let (identity, job) = match &self.identity {
            Identity::Cluster => (1, ""),
            Identity::Job(job) => (2, job.as_str()),
        };
        let mut bytes = [0; HELLO_BYTES];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4..6].copy_from_slice(&WIRE_VERSION.to_le_bytes());
        bytes[6] = match self.mode {
            Mode::Calls => 1,
            Mode::Exchange => 2,
        };
        bytes[7] = identity;
        bytes[8..24].copy_from_slice(nonce);
        bytes[24] = put_name(&mut bytes[26..90], &self.service)?;
        bytes[25] = put_name(&mut bytes[90..], job)?;
        Ok(bytes)
    }

    /// `None` for what no client of this version writes.
    fn decode(bytes: &[u8; HELLO_BYTES]) -> Option<Hello> {
        let mode = match bytes[6] {
            1 => Mode::Calls,
            2 => Mode::Exchange,
            _ => return None,
        };
        let service = name(&bytes[26..90], bytes[24])?;
        let job = name(&bytes[90..], bytes[25])?;
        let identity = match (bytes[7], job.is_empty()) {
            (1, true) => Identity::Cluster,
            (2, false) => Identity::Job(job),
            _ => return None,
        };
        Some(Hello { mode, identity, service })
    }
}

/// Writes a name into its field and returns its length.
fn put_name(field: &mut [u8], name: &str) -> io::Result<u8> {
    match u8::try_from(name.len()) {
        Ok(length) if name.len() <= NAME_BYTES_MAX => {
            field[..name.len()].copy_from_slice(name.as_bytes());
            Ok(length)
        }
        _ => {
            let reason = format!("the name `{name}` is longer than {NAME_BYTES_MAX} bytes");
            Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
        }
    }
}

fn name(field: &[u8], length: u8) -> Option<String> {
    let (name, rest) = field.split_at_checked(usize::from(length))?;
    rest.iter().all(|byte| *byte == 0).then_some(())?;
    Some(str::from_utf8(name).ok()?.to_owned())
}
