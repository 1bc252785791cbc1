//! Wrong input and damaged data: one clear error, or healed. Never a panic, never half an output.

use skep_tests::{Cluster, cluster::wait_until, text};
use std::{
    io::{Read, Seek, SeekFrom, Write},
    net::TcpStream,
    path::{Path, PathBuf},
};

#[test]
fn a_missing_input_is_named_before_anything_runs() {
    let cluster = Cluster::start(1, 0);
    let error = cluster.submit("wordcount", &["/not-there", "/out"]).refused();
    assert!(error.contains("/not-there") && error.contains("No such file"), "{error}");
    cluster.skep(&["fs", "test", "-e", "/out"]).refused_quietly();
}

#[test]
fn an_output_that_exists_is_refused_before_anything_runs() {
    let cluster = Cluster::start(1, 0);
    cluster.put("/in", b"a b a\n");
    cluster.submit("wordcount", &["/in", "/out"]).ok();
    let before = cluster.cat("/out/part-*");
    let error = cluster.submit("wordcount", &["/in", "/out"]).refused();
    assert!(error.contains("/out") && error.contains("exist"), "{error}");
    assert_eq!(cluster.cat("/out/part-*"), before);
}

#[test]
fn a_mapper_that_fails_shows_its_own_last_words() {
    let cluster = Cluster::start(1, 1);
    cluster.put("/in", b"one\ntwo\n");
    let error = cluster
        .skep(&[
            "submit",
            "--mapper",
            "sh -c 'echo the disk of the moon is full >&2; exit 7'",
            "--input",
            "/in",
            "--output",
            "/out",
        ])
        .refused();
    assert!(error.contains("the disk of the moon is full") && error.contains('7'), "{error}");
    let names = cluster.skep(&["fs", "ls", "-R", "-C", "/"]).ok();
    assert!(!names.contains("part-") && !names.contains("_temporary"), "{names}");
}

#[test]
fn a_mapper_that_never_ends_is_stopped_by_the_task_timeout() {
    let cluster = Cluster::start(1, 0);
    cluster.put("/in", b"one\n");
    let error = cluster
        .skep(&[
            "submit",
            "--conf",
            "task.timeout=1s",
            "--conf",
            "task.attempts=2",
            "--mapper",
            "sleep 1000",
            "--input",
            "/in",
            "--output",
            "/out",
        ])
        .refused();
    assert!(error.contains("task.timeout"), "it says which setting: {error}");
}

#[test]
fn a_mapper_that_eats_memory_is_ended_and_the_worker_lives() {
    let cluster = Cluster::start_with(1, 0, &["--memory", "256MiB", "--slots", "1"]);
    cluster.put("/in", b"one\n");
    let error = cluster
        .skep(&[
            "submit",
            "--conf",
            "task.attempts=1",
            "--mapper",
            "python3 -c \"a=[]\nwhile True: a.append('x' * 10000000)\"",
            "--input",
            "/in",
            "--output",
            "/out",
        ])
        .refused();
    assert!(error.contains("memory"), "{error}");
    cluster.submit("wordcount", &["/in", "/out-2"]).ok();
}

#[test]
fn garbage_on_the_masters_and_a_workers_port_harms_nobody() {
    let cluster = Cluster::start(1, 0);
    let worker = cluster.status()["workers"][0]["endpoint"]["Tcp"].as_str().expect("an endpoint").to_owned();
    for address in [cluster.address.clone(), worker] {
        for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4096], b"SKEP", b""] {
            let mut socket = TcpStream::connect(&address).unwrap();
            let _ = socket.write_all(garbage);
            let _ = socket.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer);
        }
    }
    cluster.put("/in", b"a\n");
    assert_eq!(cluster.cat("/in"), "a\n");
}

#[test]
fn a_wrong_secret_is_told_so() {
    let cluster = Cluster::start(1, 0);
    let wrong = cluster.folder.path().join("wrong-secret");
    std::fs::write(&wrong, format!("{}\n", "ab".repeat(32))).unwrap();
    std::fs::set_permissions(&wrong, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut command = cluster.command(&skep_tests::programs::skep(), &["fs", "ls", "/"]);
    let output = command.env("SKEP_SECRET_FILE", &wrong).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("secret"), "{error}");
}

#[test]
fn a_flipped_byte_in_a_block_is_found_and_another_replica_read() {
    let cluster = Cluster::start(2, 0);
    let text = text::words(11, 300_000);
    cluster.put("/file", text.as_bytes());
    let replicas = block_files(&cluster.workers[0].data.join("blocks"));
    assert_eq!(replicas.len(), 1, "{replicas:?}");
    flip_a_byte(&replicas[0], 100_000);
    assert_eq!(cluster.cat("/file"), text);
    assert_eq!(cluster.cat("/file"), text);
}

#[test]
fn a_block_whose_every_replica_is_damaged_is_an_error_that_names_the_file() {
    let cluster = Cluster::start(1, 0);
    cluster.put("/file", text::words(12, 300_000).as_bytes());
    flip_a_byte(&block_files(&cluster.workers[0].data.join("blocks"))[0], 5);
    let error = cluster.skep(&["fs", "cat", "/file"]).refused();
    assert!(error.contains("/file"), "{error}");
}

#[test]
fn a_flipped_byte_in_a_shuffle_file_is_found_and_the_task_run_again() {
    let cluster = Cluster::start_with(1, 0, &["--slots", "1", "--shuffle-memory", "0"]);
    let text = text::words(13, 6 << 20);
    cluster.put("/in", text.as_bytes());
    let binary = skep_tests::programs::job("wordcount").display().to_string();
    let mut client =
        cluster.skep_in_background(&["submit", "--conf", "input.split.bytes=1MiB", &binary, "/in", "/out"]);
    let shuffle = cluster.workers[0].data.join("shuffle");
    let mut damaged = false;
    wait_until("a shuffle file was damaged", || {
        if let Some(file) = largest_file(&shuffle) {
            damaged = flip_a_byte(&file, 40);
        }
        damaged || client.try_wait().unwrap().is_some()
    });
    assert!(damaged, "the job ended before a shuffle file was seen");
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text::parse_counts(&cluster.cat("/out/part-*")), text::count(&[&text]));
}

#[test]
fn unknown_settings_and_options_are_errors_not_silences() {
    let cluster = Cluster::start(1, 0);
    cluster.put("/in", b"a\n");
    let binary = skep_tests::programs::job("wordcount").display().to_string();
    let error = cluster.skep(&["submit", "--conf", "task.memroy=1GiB", &binary, "/in", "/out"]).refused();
    assert!(error.contains("task.memory"), "it names the nearest: {error}");
    cluster.skep(&["status", "--jsn"]).refused();
    cluster.skep(&["jobs", "show", "job-999"]).refused();
    cluster.skep(&["submit", "/no/such/binary"]).refused();
}

trait Quiet {
    fn refused_quietly(self);
}

impl Quiet for skep_tests::Output {
    /// `fs test` says nothing, as Hadoop's.
    fn refused_quietly(self) {
        assert_eq!(self.code, Some(1), "{self:?}");
    }
}

fn block_files(folder: &Path) -> Vec<PathBuf> {
    all_files(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "data"))
        .collect()
}

fn largest_file(folder: &Path) -> Option<PathBuf> {
    let size = |path: &PathBuf| std::fs::metadata(path).map(|about| about.len()).unwrap_or(0);
    all_files(folder).into_iter().filter(|path| size(path) > 4096).max_by_key(size)
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(all_files(&path)) } else { files.push(path) }
    }
    files
}

fn flip_a_byte(path: &Path, at: u64) -> bool {
    let Ok(mut file) = std::fs::File::options().read(true).write(true).open(path) else { return false };
    let mut byte = [0];
    if file.seek(SeekFrom::Start(at)).is_err() || file.read_exact(&mut byte).is_err() {
        return false;
    }
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte[0] ^ 0x20]).unwrap();
    true
}
