//! Everything that a task process needs before it can be started: directories, program, shipped files, environment.

use super::node::Node;
use crate::{
    core::{Life, StartFault},
    process::{
        StartCommand,
        roster::{LIFE_VARIABLE, MARK_VARIABLE},
    },
};
use skep_jobs::{
    model::{Executable, FaultKind, ShippedFile},
    protocol::{
        task::{TASK_JOB_VARIABLE, TASK_SOCKET_VARIABLE, TASK_TOKEN_VARIABLE},
        worker::JobHeader,
    },
};
use std::{
    env, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
    sync::Arc,
};
use tokio::task::spawn_blocking;

/// Variables of the worker's own environment that task processes get: where programs are, language and time zone,
/// certificates and proxies, and the access to object stores.
const INHERITED: &[&str] =
    &["PATH", "LANG", "LANGUAGE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "RUST_BACKTRACE"];
const INHERITED_PREFIXES: &[&str] = &["LC_", "AWS_"];
const INHERITED_SUFFIXES: &[&str] = &["_proxy", "_PROXY"];

/// Makes everything ready. Cancel safe: what is half done is done again by the next start.
pub(super) async fn prepare(
    node: Arc<Node>,
    life: Life,
    header: Box<JobHeader>,
) -> Result<StartCommand, StartFault> {
    let job = header.job;
    let own = Arc::clone(&node);
    let log = on_disk(&node, move || {
        own.data.prepare_job(job)?;
        own.log(job)
    })
    .await?;
    let (executable, arguments) = program(&node, &header).await?;
    for file in &header.program.files {
        lay(&node, &header, file).await?;
    }
    Ok(StartCommand {
        life,
        job,
        executable,
        arguments,
        environment: environment(&node, &header),
        work: node.data.work(job),
        memory_limit_bytes: header.memory_bytes,
        log,
    })
}

async fn program(node: &Node, header: &JobHeader) -> Result<(PathBuf, Vec<String>), StartFault> {
    match &header.program.executable {
        Executable::Skep => Ok((node.facts.skep.clone(), vec!["task".to_owned()])),
        Executable::Binary { sha256, path } => {
            let executable = fetch(node, sha256, path).await?;
            Ok((executable, header.program.arguments.clone()))
        }
    }
}

async fn fetch(node: &Node, sha256: &str, path: &str) -> Result<PathBuf, StartFault> {
    let fetched = node.programs.fetch(node.client(), sha256, path).await;
    fetched.map_err(|error| StartFault { kind: error.kind(), message: error.to_string() })
}

/// Copies a shipped file into the working directory: the job may change it, the kept one stays as it is.
async fn lay(node: &Arc<Node>, header: &JobHeader, file: &ShippedFile) -> Result<(), StartFault> {
    if !is_plain_name(&file.name) {
        let message = format!("`{}` is not a plain file name; ship it under another one", file.name);
        return Err(StartFault { kind: FaultKind::Undecodable, message });
    }
    let source = fetch(node, &file.sha256, &file.path).await?;
    let target = node.data.work(header.job).join(&file.name);
    let mode = if file.executable { 0o700 } else { 0o600 };
    on_disk(node, move || {
        fs::copy(source, &target)?;
        fs::set_permissions(target, fs::Permissions::from_mode(mode))
    })
    .await
}

fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name)
}

async fn on_disk<T: Send + 'static>(
    node: &Arc<Node>,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StartFault> {
    let result = spawn_blocking(work).await.unwrap_or_else(|error| Err(error.into()));
    result.map_err(|error| StartFault {
        kind: FaultKind::WorkerDisk,
        message: format!("cannot make the job's directories in {}: {error}", node.data.root().display()),
    })
}

fn environment(node: &Node, header: &JobHeader) -> Vec<(String, String)> {
    let mut environment: Vec<(String, String)> = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| is_inherited(name))
        .collect();
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    let own = [
        ("HOME", path(node.data.work(header.job))),
        ("TMPDIR", path(node.data.work(header.job))),
        ("USER", header.user.clone()),
        (MARK_VARIABLE, node.data.mark()),
        (LIFE_VARIABLE, node.facts.life()),
        (TASK_JOB_VARIABLE, header.job.to_string()),
        (TASK_SOCKET_VARIABLE, path(node.facts.socket.clone())),
        (TASK_TOKEN_VARIABLE, header.token.to_hex()),
    ];
    environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
    environment
}

fn is_inherited(name: &str) -> bool {
    INHERITED.contains(&name)
        || INHERITED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || INHERITED_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shipped_file_stays_in_the_working_directory() {
        for good in ["map.py", "a b", "..."] {
            assert!(is_plain_name(good), "{good}");
        }
        for bad in ["", ".", "..", "/etc/passwd", "a/b", "../x", "a/", "./a"] {
            assert!(!is_plain_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_task_inherits_the_way_to_its_data_and_no_secret_of_the_worker() {
        for name in ["PATH", "AWS_ENDPOINT_URL", "LC_ALL", "https_proxy"] {
            assert!(is_inherited(name), "{name}");
        }
        for name in ["SKEP_SECRET_FILE", "SKEP_MASTER", "HOME", "LD_PRELOAD"] {
            assert!(!is_inherited(name), "{name}");
        }
    }
}
