//! The same jobs from and to a real S3 server.

use skep_tests::{Cluster, programs, s3::S3, text};
use std::process::Command;

/// Runs a job binary on local threads against the S3 server.
fn run(s3: &S3, job: &str, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(programs::job(job));
    command.args(arguments).env_remove("SKEP_MASTER").envs(s3.variables());
    command.output().expect("the job binary starts")
}

#[test]
fn wordcount_reads_from_and_commits_to_s3() {
    let Some(s3) = S3::start("bucket") else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = text::words(1, 1 << 20);
    let local = folder.path().join("text");
    std::fs::write(&local, &text).unwrap();
    let skep = |arguments: &[&str]| {
        let output = Command::new(programs::skep())
            .args(arguments)
            .env_remove("SKEP_MASTER")
            .envs(s3.variables())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    skep(&["fs", "put", local.to_str().unwrap(), "s3://bucket/in/text"]);
    let output = run(&s3, "wordcount", &["s3://bucket/in", "s3://bucket/out"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text::parse_counts(&skep(&["fs", "cat", "s3://bucket/out/part-*"])), text::count(&[&text]));
    assert!(skep(&["fs", "ls", "-C", "s3://bucket/out"]).contains("_SUCCESS"));
    let again = run(&s3, "wordcount", &["s3://bucket/in", "s3://bucket/out"]);
    assert!(!again.status.success(), "an output that exists is refused");
}

#[test]
fn a_cluster_reads_from_and_commits_to_s3() {
    let Some(s3) = S3::start("bucket") else { return };
    let cluster = Cluster::start_in(s3.variables(), 1, 1);
    let text = text::words(2, 1 << 20);
    let local = cluster.folder.path().join("text");
    std::fs::write(&local, &text).unwrap();
    cluster.skep(&["fs", "put", local.to_str().unwrap(), "s3://bucket/in/text"]).ok();
    for (input, output) in [
        ("s3://bucket/in", "s3://bucket/counts"),
        ("s3://bucket/in", "/counts"),
        ("file", "s3://bucket/counts-of-a-file"),
    ] {
        let input = if input == "file" { format!("file://{}", local.display()) } else { input.to_owned() };
        cluster.submit("wordcount", &[&input, output]).ok();
        let counts = cluster.skep(&["fs", "cat", &format!("{output}/part-*")]).ok();
        assert_eq!(text::parse_counts(&counts), text::count(&[&text]), "{input} to {output}");
        let again = cluster.submit("wordcount", &[&input, output]).refused();
        assert!(again.contains("exists"), "{again}");
    }
}
