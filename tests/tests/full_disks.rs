//! Disks that run full: one clear error, or the work goes elsewhere; nothing half-written is left, and what was stored stays.

use skep_tests::{Cluster, cluster::wait_until, disks::SmallDisk, programs, text};

const MIB: usize = 1 << 20;
/// A worker leaves 256 MiB of its disk to others and takes a block only while it has room for a whole one of 128 MiB, so
/// this one takes one more block after the first megabytes, and no second.
const SMALL_MIB: u64 = 424;

fn free_bytes(cluster: &Cluster) -> u64 {
    cluster.status()["storage"]["free_bytes"].as_u64().expect("a number")
}

#[test]
fn a_file_that_does_not_fit_is_refused_and_leaves_nothing() {
    let Some(disk) = SmallDisk::mount(SMALL_MIB) else { return };
    let mut cluster = Cluster::start(0, 0);
    cluster.add_worker_in("core", disk.path().join("data"));
    cluster.wait_for_workers(1);
    let small = text::words(1, MIB);
    cluster.put("/small", small.as_bytes());
    let before = free_bytes(&cluster);
    let error = cluster.skep_with_input(&["fs", "put", "-", "/large"], &vec![b'x'; 192 * MIB]).refused();
    // Which of the two depends on whether the master has heard yet how full the disk is.
    let said = error.contains("without room") || error.contains("the disk is full");
    assert!(error.contains("/large") && said, "{error}");
    assert_eq!(cluster.skep(&["fs", "test", "-e", "/large"]).code, Some(1), "nothing of it is left");
    wait_until("its blocks are gone from the disk", || free_bytes(&cluster) + 8 * MIB as u64 >= before);
    assert_eq!(cluster.cat("/small"), small);
    cluster.put("/next", small.as_bytes());
    assert_eq!(cluster.cat("/next"), small);
}

#[test]
fn a_job_goes_on_beside_a_worker_whose_disk_is_full() {
    let Some(disk) = SmallDisk::mount(SMALL_MIB) else { return };
    let mut cluster = Cluster::start(1, 0);
    cluster.add_worker_in("core", disk.path().join("data"));
    cluster.wait_for_workers(2);
    disk.fill();
    let words = text::words(2, 8 * MIB);
    cluster.put("/in", words.as_bytes());
    let binary = programs::job("wordcount");
    let submit = ["submit", "--conf", "input.split.bytes=1MiB", "--conf", "job.partitions=4"];
    cluster.skep(&[&submit[..], &[binary.to_str().unwrap(), "/in", "/out"]].concat()).ok();
    assert_eq!(text::parse_counts(&cluster.cat("/out/part-*")), text::count(&[&words]));
    disk.empty();
    wait_until("the blocks are copied to it when it has room", || {
        cluster.status()["storage"]["under_replicated_blocks"] == 0
    });
}

#[test]
fn a_job_that_no_disk_has_room_for_fails_with_the_reason() {
    let Some(disk) = SmallDisk::mount(2 * SMALL_MIB) else { return };
    let mut cluster = Cluster::start(0, 0);
    cluster.add_worker_in("core", disk.path().join("data"));
    cluster.wait_for_workers(1);
    cluster.put("/in", text::words(3, MIB).as_bytes());
    disk.fill();
    let error = cluster.submit("wordcount", &["/in", "/out"]).refused();
    assert!(error.contains("space") || error.contains("room") || error.contains("full"), "{error}");
    disk.empty();
    wait_until("the master knows that there is room", || free_bytes(&cluster) > 256 * MIB as u64);
    cluster.submit("wordcount", &["/in", "/again"]).ok();
}
