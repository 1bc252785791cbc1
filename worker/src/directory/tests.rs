//! The directory belongs to one worker, remembers who it is, and lets go of what nobody needs.

use super::{identity::Identity, *};
use skep_hdfs::WorkerId;
use skep_jobs::protocol::client::Role;

#[test]
fn a_second_worker_on_the_same_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = DataDirectory::open(folder.path()).unwrap();
    assert!(matches!(DataDirectory::open(folder.path()), Err(WorkerError::InUse { .. })));
    drop(first);
    DataDirectory::open(folder.path()).unwrap();
}

#[test]
fn each_life_has_a_later_epoch_also_when_the_clock_went_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDirectory::open(folder.path()).unwrap();
    let first = data.begin_epoch().unwrap();
    assert!(data.begin_epoch().unwrap() > first);
    let future = u64::MAX / 2;
    fs::write(folder.path().join("epoch"), future.to_string()).unwrap();
    assert_eq!(data.begin_epoch().unwrap(), Epoch(future + 1));
}

#[test]
fn the_identity_survives_and_damage_is_told_not_guessed_over() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDirectory::open(folder.path()).unwrap();
    assert_eq!(data.identity().unwrap(), None);
    let identity = Identity { worker: WorkerId(7), cluster: 99, role: Role::Core };
    data.save_identity(&identity).unwrap();
    assert_eq!(data.identity().unwrap(), Some(identity));
    fs::write(folder.path().join("worker.json"), b"{\"worker\":").unwrap();
    assert!(matches!(data.identity(), Err(WorkerError::DamagedIdentity { .. })));
}

#[test]
fn a_socket_path_that_the_kernel_would_refuse_is_replaced_by_a_short_one() {
    let folder = tempfile::tempdir().unwrap();
    let short = DataDirectory::open(folder.path()).unwrap();
    assert!(short.socket().unwrap().starts_with(short.root()));
    let long = DataDirectory::open(&folder.path().join("x".repeat(120))).unwrap();
    let socket = long.socket().unwrap();
    assert!(socket.as_os_str().len() <= limits::SOCKET_PATH_BYTES_MAX, "{}", socket.display());
    assert_eq!(socket, long.socket().unwrap());
}

#[test]
fn a_removed_job_leaves_its_log_and_the_log_goes_with_its_age() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDirectory::open(folder.path()).unwrap();
    for job in [JobId(1), JobId(2), JobId(3)] {
        data.prepare_job(job).unwrap();
        fs::create_dir(data.scratch(job)).unwrap();
        fs::write(data.scratch(job).join("spill"), b"x").unwrap();
        fs::create_dir(data.logs(job)).unwrap();
        fs::write(data.logs(job).join("00000000000000000000.log"), b"line\n").unwrap();
        data.remove_job(job).unwrap();
        assert!(!data.work(job).exists() && !data.scratch(job).exists() && data.logs(job).exists());
    }
    let old = SystemTime::now() - 2 * limits::LOG_KEPT_FOR;
    for job in [JobId(1), JobId(3)] {
        let file = File::open(data.logs(job).join("00000000000000000000.log")).unwrap();
        file.set_modified(old).unwrap();
    }
    data.sweep_logs(|job| job == JobId(3)).unwrap();
    let left = [JobId(1), JobId(2), JobId(3)].map(|job| data.logs(job).exists());
    assert_eq!(left, [false, true, true], "a job that lives keeps its log");
    assert!(data.jobs().unwrap().is_empty());
}
