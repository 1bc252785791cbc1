//! The programs under test, built once per test run with the profile that the tests run in.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Folder of this build's artefacts: `target/debug` or `target/release`.
fn artefacts() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().expect("this program has an executable");
        let profile = |folder: &&Path| folder.ends_with("debug") || folder.ends_with("release");
        let folder = test.ancestors().find(profile).expect("it lies below target/PROFILE").to_path_buf();
        let release = folder.ends_with("release");
        for what in [&["-p", "skep", "--bin", "skep"][..], &["-p", "skep-jobs", "--examples"][..]] {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.arg("build").arg("--quiet").args(what).current_dir(env!("CARGO_MANIFEST_DIR"));
            cargo.env("CARGO_TARGET_DIR", folder.parent().expect("target"));
            if release {
                cargo.arg("--release");
            }
            let status = cargo.status().expect("cargo runs");
            assert!(status.success(), "cargo build {what:?} failed");
        }
        folder
    })
}

/// The `skep` binary.
pub fn skep() -> PathBuf {
    artefacts().join("skep")
}

/// A job binary of `jobs/examples`.
pub fn job(name: &str) -> PathBuf {
    artefacts().join("examples").join(name)
}
