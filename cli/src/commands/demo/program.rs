//! The WordCount job binary: beside this executable, or built from the source tree that this executable was built from.

use std::{
    env, io,
    path::{Path, PathBuf},
};
use tokio::process::Command;

#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error("cannot find this executable")]
    Executable(#[source] io::Error),
    #[error(
        "the job binary {} is not there, and no source tree to build it from; run the demo from the tree: cargo run --release -- demo", path.display()
    )]
    Missing { path: PathBuf },
    #[error("cannot run cargo")]
    Cargo(#[source] io::Error),
    #[error("`{command}` failed: {status}")]
    Build { command: String, status: String },
}

pub async fn wordcount(say: impl Fn(&str)) -> Result<PathBuf, ProgramError> {
    let executable = env::current_exe().map_err(ProgramError::Executable)?;
    let profile = executable.parent().unwrap_or(Path::new("/")).to_owned();
    let binary = profile.join("examples/wordcount");
    if binary.is_file() {
        return Ok(binary);
    }
    let Some(tree) = source_tree(&profile) else { return Err(ProgramError::Missing { path: binary }) };
    let mut words = vec!["build", "-p", "skep-jobs", "--example", "wordcount"];
    if profile.file_name().is_some_and(|name| name == "release") {
        words.insert(1, "--release");
    }
    let command = format!("cargo {}", words.join(" "));
    say(&command);
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = profile.parent().unwrap_or(&profile);
    let status = Command::new(cargo)
        .args(&words)
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target)
        .kill_on_drop(true)
        .status()
        .await
        .map_err(ProgramError::Cargo)?;
    if !status.success() {
        return Err(ProgramError::Build { command, status: status.to_string() });
    }
    if binary.is_file() { Ok(binary) } else { Err(ProgramError::Missing { path: binary }) }
}

/// The nearest directory above with the job's source.
fn source_tree(below: &Path) -> Option<&Path> {
    below.ancestors().find(|directory| {
        directory.join("Cargo.toml").is_file() && directory.join("jobs/examples/wordcount.rs").is_file()
    })
}
