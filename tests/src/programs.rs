//! The programs under test, each built once per test run with the profile that the tests run in.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, OnceLock, PoisonError},
};

/// Folder of this build's artefacts: `target/debug` or `target/release`.
fn artefacts() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().expect("this program has an executable");
        let profile = |folder: &&Path| folder.ends_with("debug") || folder.ends_with("release");
        test.ancestors().find(profile).expect("it lies below target/PROFILE").to_path_buf()
    })
}

fn is_release() -> bool {
    artefacts().ends_with("release")
}

/// Set, nothing is built: the programs of an earlier build are taken as they are.
const BUILT_VARIABLE: &str = "SKEP_TEST_PROGRAMS_BUILT";

/// Builds what cargo calls by these words, unless this process has done so before.
fn build(what: &[&str]) {
    if std::env::var_os(BUILT_VARIABLE).is_some() {
        return;
    }
    static BUILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if built.contains(&what.join(" ")) {
        return;
    }
    let folder = artefacts();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Of the whole workspace: with the features that the tests themselves were built with, so that nothing is built twice.
    cargo.args(["build", "--quiet", "--workspace"]).args(what).current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.env("CARGO_TARGET_DIR", folder.parent().expect("target"));
    // What cargo tells this test of its package would be news to build scripts that look at it: they, and all that is
    // built on them (ring, and with it DataFusion), would be built again now, and once more by the next `cargo test`.
    let of_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars().filter(|(name, _)| of_package(name)) {
        cargo.env_remove(name);
    }
    cargo.args(["--profile", if is_release() { "release" } else { "test" }]);
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "cargo build {what:?} failed");
    built.insert(what.join(" "));
}

/// The `skep` binary.
pub fn skep() -> PathBuf {
    // With a test beside it, it gets the features that only tests turn on: what `cargo test` has built is not built again.
    // Benchmarks have none of them.
    let beside_tests: &[&str] = if is_release() { &[] } else { &["--test", "tidy"] };
    build(&[&["--bin", "skep"], beside_tests].concat());
    artefacts().join("skep")
}

/// A job binary of `jobs/examples`.
pub fn job(name: &str) -> PathBuf {
    build(&["--example", name]);
    artefacts().join("examples").join(name)
}
