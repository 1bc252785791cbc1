//! The cluster secret and what is derived from it. Neither ever travels: the handshake proves them.

use hmac::{Hmac, Mac};
use rand::{TryRngCore, rngs::OsRng};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use subtle::ConstantTimeEq;

const KEY_BYTES: usize = 32;

/// 32 random bytes that every process of one cluster holds.
#[derive(Clone)]
pub struct Secret([u8; KEY_BYTES]);

/// What a job's processes hold instead of the secret: HMAC(secret, "job" || job). It opens what the job may use
/// (blocks, shuffle, its worker) and can be checked without being stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct JobToken([u8; KEY_BYTES]);

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

/// In constant time: how long it takes tells nothing about the bytes.
impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

/// In constant time, as for [`Secret`].
impl PartialEq for JobToken {
    fn eq(&self, other: &JobToken) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for JobToken {}

impl Secret {
    #[expect(clippy::panic, reason = "a system without a source of randomness cannot keep any secret")]
    pub fn random() -> Secret {
        let mut key = [0; KEY_BYTES];
        if let Err(error) = OsRng.try_fill_bytes(&mut key) {
            panic!("the system gives no random bytes: {error}");
        }
        Secret(key)
    }

    /// Reads the secret at `path`; refuses a file that others can read.
    pub fn load(path: &Path) -> io::Result<Secret> {
        let mut file = File::open(path).map_err(|error| match error.kind() {
            kind @ io::ErrorKind::NotFound => {
                about(path, kind, "it is not there: copy the file `secret` of the master's data directory")
            }
            kind => about(path, kind, &error.to_string()),
        })?;
        let mode = file.metadata()?.mode() & 0o777;
        if mode & 0o077 != 0 {
            let reason = format!("others may read it (mode {mode:03o}): run `chmod 600 {}`", path.display());
            return Err(about(path, io::ErrorKind::PermissionDenied, &reason));
        }
        let mut text = String::new();
        (&mut file).take(1024).read_to_string(&mut text)?;
        Secret::from_hex(text.trim_end()).ok_or_else(|| {
            let reason = "it does not hold 64 hexadecimal characters: copy it again from the master, \
                          or remove it before the first start of a new cluster";
            about(path, io::ErrorKind::InvalidData, reason)
        })
    }

    /// Reads the secret at `path`, or makes it there with mode 0600 (atomically: two starters agree on one).
    pub fn load_or_create(path: &Path) -> io::Result<Secret> {
        match Secret::load(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            loaded => return loaded,
        }
        let whole = write_beside(path, &Secret::random())?;
        // A hard link, unlike a rename, fails when somebody else's secret is there already: then that one holds.
        let linked = fs::hard_link(&whole, path);
        fs::remove_file(&whole)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(about(path, error.kind(), &error.to_string()))
            }
            _ => {
                sync_directory_of(path)?;
                Secret::load(path)
            }
        }
    }

    pub fn token_for(&self, job: &str) -> JobToken {
        JobToken(authenticate(&self.0, &[b"job", job.as_bytes()]))
    }

    /// Lower-case hexadecimal, as in the file.
    pub fn to_hex(&self) -> String {
        to_hex(&self.0)
    }

    pub fn from_hex(text: &str) -> Option<Secret> {
        from_hex(text).map(Secret)
    }
}

impl JobToken {
    /// Lower-case hexadecimal: how a worker hands the token to a task process, through its environment.
    pub fn to_hex(&self) -> String {
        to_hex(&self.0)
    }

    pub fn from_hex(text: &str) -> Option<JobToken> {
        from_hex(text).map(JobToken)
    }
}

/// A key that proves something in a handshake: the secret, or the token of one job.
pub(crate) struct ProofKey([u8; KEY_BYTES]);

impl ProofKey {
    pub(crate) fn of(credential: &Credential) -> ProofKey {
        match credential {
            Credential::Cluster(secret) => ProofKey(secret.0),
            Credential::Job { token, .. } => ProofKey(token.0),
        }
    }

    pub(crate) fn prove(&self, parts: &[&[u8]]) -> [u8; KEY_BYTES] {
        authenticate(&self.0, parts)
    }

    /// In constant time.
    pub(crate) fn proves(&self, parts: &[&[u8]], proof: &[u8; KEY_BYTES]) -> bool {
        self.prove(parts).ct_eq(proof).into()
    }
}

/// HMAC-SHA256 over the parts, one after the other.
fn authenticate(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; KEY_BYTES] {
    // A key of 32 bytes is shorter than the hash's block: padded with zeros it is the key that HMAC defines.
    let mut block = [0; 64];
    block[..KEY_BYTES].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Writes the secret into a new file in the same directory, on disk when this returns.
fn write_beside(path: &Path, secret: &Secret) -> io::Result<PathBuf> {
    let unique = to_hex(&Secret::random().0);
    let whole = path.with_extension(format!("{}.new", &unique[..16]));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&whole)?;
        file.write_all(format!("{}\n", secret.to_hex()).as_bytes())?;
        file.sync_all()
    })();
    match written {
        Ok(()) => Ok(whole),
        Err(error) => {
            let _ = fs::remove_file(&whole);
            Err(about(path, error.kind(), &error.to_string()))
        }
    }
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn about(path: &Path, kind: io::ErrorKind, reason: &str) -> io::Error {
    io::Error::new(kind, format!("cannot use the secret file {}: {reason}", path.display()))
}

fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<[u8; KEY_BYTES]> {
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn hexadecimal_is_read_as_it_was_written_and_nothing_else_is() {
        let secret = Secret::random();
        assert_eq!(Secret::from_hex(&secret.to_hex()), Some(secret.clone()));
        let token = secret.token_for("job-1");
        assert_eq!(JobToken::from_hex(&token.to_hex()), Some(token));
        for text in ["", "00", &"g".repeat(64), &"0".repeat(63), &"é".repeat(32)] {
            assert_eq!(Secret::from_hex(text), None);
        }
    }

    #[test]
    fn a_token_depends_on_the_secret_and_on_the_job() {
        let secret = Secret([7; 32]);
        assert!(secret.token_for("a") == secret.token_for("a"));
        assert!(secret.token_for("a") != secret.token_for("b"));
        assert!(secret.token_for("a") != Secret([8; 32]).token_for("a"));
    }

    #[test]
    fn authentication_is_hmac_sha256_as_published() {
        // RFC 4231 has no key of 32 bytes; this value is from Python's hmac module.
        let proof = authenticate(&[0x0b; 32], &[b"Hi ", b"There"]);
        assert_eq!(to_hex(&proof), "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7");
    }

    #[test]
    fn the_first_start_makes_a_private_file_and_the_next_one_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let made = Secret::load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", made.to_hex()));
        assert_eq!(Secret::load_or_create(&path).unwrap(), made);
        assert_eq!(Secret::load(&path).unwrap(), made);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn starters_at_the_same_time_agree_on_one_secret() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let secrets: Vec<Secret> = std::thread::scope(|scope| {
            let starters: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Secret::load_or_create(&path).unwrap())).collect();
            starters.into_iter().map(|starter| starter.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        Secret::load_or_create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Secret::load(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_damaged_file_is_an_error_and_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        for content in ["", "not a secret\n"] {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(Secret::load_or_create(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(Secret::load(&directory.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
