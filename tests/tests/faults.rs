//! Processes that are killed without notice: same output, nothing acknowledged lost, nothing left behind.

use serde_json::Value;
use skep_tests::{Cluster, cluster::wait_until, text};
use std::path::Path;

const MIB: usize = 1 << 20;

/// A cluster, its text, and a WordCount that is slow enough (small splits, one slot a worker) to be hit in the middle.
struct Victim {
    cluster: Cluster,
    text: String,
    job: String,
}

impl Victim {
    fn start(core: usize, task: usize) -> Victim {
        let cluster = Cluster::start_with(core, task, &["--slots", "1"]);
        let text = text::words(7, 24 * MIB);
        cluster.put("/in", text.as_bytes());
        let binary = skep_tests::programs::job("wordcount");
        let output = cluster
            .skep(&[
                "submit",
                "--detach",
                "--conf",
                "input.split.bytes=1MiB",
                "--conf",
                "job.partitions=12",
                binary.to_str().unwrap(),
                "/in",
                "/out",
            ])
            .ok();
        let job = output.split_whitespace().find(|word| word.starts_with("job-")).expect("an id");
        let job = job.trim_end_matches(['.', ',', ':']).to_owned();
        Victim { cluster, text, job }
    }

    fn wait_for_stage(&self, stage: usize, done: u64) {
        wait_until(&format!("stage {stage} has {done} finished tasks"), || {
            let output = self.cluster.skep(&["jobs", "show", &self.job, "--json"]);
            let view: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
            view["stages"][stage]["done"].as_u64().unwrap_or(0) >= done
        });
    }

    fn assert_right(&self) -> Value {
        let view = self.cluster.wait_for_job(&self.job);
        assert_eq!(view["summary"]["state"], "Succeeded", "{view}\n{}", self.cluster.logs());
        assert_eq!(text::parse_counts(&self.cluster.cat("/out/part-*")), text::count(&[&self.text]));
        view
    }
}

#[test]
fn a_task_worker_killed_in_the_map_stage_costs_no_finished_task() {
    let mut victim = Victim::start(2, 2);
    victim.wait_for_stage(0, 4);
    victim.cluster.kill_worker(2);
    assert_eq!(victim.assert_right()["tasks_recomputed"], 0);
}

#[test]
fn a_task_worker_killed_in_the_reduce_stage_costs_no_finished_task() {
    let mut victim = Victim::start(2, 2);
    victim.wait_for_stage(1, 1);
    victim.cluster.kill_worker(3);
    assert_eq!(victim.assert_right()["tasks_recomputed"], 0);
}

#[test]
fn a_core_worker_killed_in_the_map_stage_costs_only_what_it_alone_held() {
    let mut victim = Victim::start(3, 1);
    victim.wait_for_stage(0, 6);
    victim.cluster.kill_worker(0);
    victim.assert_right();
}

#[test]
fn a_core_worker_killed_in_the_reduce_stage_is_made_up_for() {
    let mut victim = Victim::start(3, 1);
    victim.wait_for_stage(1, 1);
    victim.cluster.kill_worker(1);
    victim.assert_right();
}

#[test]
fn a_master_killed_in_the_middle_and_restarted_carries_on() {
    let mut victim = Victim::start(2, 1);
    victim.wait_for_stage(0, 5);
    victim.cluster.kill_master();
    victim.cluster.start_master();
    let view = victim.assert_right();
    assert_eq!(view["tasks_recomputed"], 0, "finished tasks stay finished");
}

#[test]
fn a_waiting_client_carries_on_by_itself_when_the_master_restarts() {
    let mut cluster = Cluster::start_with(2, 0, &["--slots", "1"]);
    let text = text::words(9, 16 * MIB);
    cluster.put("/in", text.as_bytes());
    let binary = skep_tests::programs::job("wordcount");
    let client = cluster.skep_in_background(&[
        "submit",
        "--conf",
        "input.split.bytes=1MiB",
        binary.to_str().unwrap(),
        "/in",
        "/out",
    ]);
    wait_until("the job runs", || {
        let output = cluster.skep(&["jobs", "list", "--json"]);
        let jobs: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
        jobs[0]["tasks_done"].as_u64().unwrap_or(0) > 2
    });
    cluster.kill_master();
    cluster.start_master();
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text::parse_counts(&cluster.cat("/out/part-*")), text::count(&[&text]));
}

#[test]
fn a_killed_task_process_is_started_again() {
    let victim = Victim::start(2, 0);
    victim.wait_for_stage(0, 2);
    let daemon = victim.cluster.worker_process(0);
    wait_until("a task process was killed", || match task_processes(daemon).first() {
        Some(process) => {
            std::process::Command::new("kill").args(["-9", &process.to_string()]).status().unwrap().success()
        }
        None => false,
    });
    victim.assert_right();
}

#[test]
fn every_worker_killed_and_started_again_loses_nothing_acknowledged() {
    let mut cluster = Cluster::start(3, 0);
    let text = text::words(3, 3 * MIB);
    cluster.put("/kept", text.as_bytes());
    for index in 0..3 {
        cluster.kill_worker(index);
    }
    cluster.kill_master();
    cluster.start_master();
    for index in 0..3 {
        cluster.start_worker(index);
    }
    cluster.wait_for_workers(3);
    assert_eq!(cluster.cat("/kept"), text);
}

#[test]
fn blocks_of_a_lost_core_worker_are_replicated_again() {
    let mut cluster = Cluster::start(3, 0);
    cluster.put("/file", text::words(4, MIB).as_bytes());
    cluster.skep(&["fs", "setrep", "-w", "2", "/file"]).ok();
    cluster.kill_worker(0);
    wait_until("nothing is under-replicated", || {
        let status = cluster.status();
        let live =
            status["workers"].as_array().unwrap().iter().filter(|worker| worker["state"] == "Live").count();
        live == 2 && status["storage"]["under_replicated_blocks"] == 0
    });
    cluster.kill_worker(1);
    assert_eq!(cluster.cat("/file"), text::words(4, MIB));
}

#[test]
fn logs_of_a_finished_job_outlive_the_workers_that_ran_it() {
    let mut cluster = Cluster::start(1, 2);
    cluster.put("/in", b"a\nb\n");
    let mapper = "sh -c 'echo the mapper was here >&2; cat'";
    let output = ["--output", "/out", "--reducers", "0"];
    cluster.skep(&[&["submit", "--mapper", mapper, "--input", "/in"][..], &output].concat()).ok();
    let job = cluster.last_job()["summary"]["id"].to_string();
    let job = format!("job-{}", job.trim_matches(|letter: char| !letter.is_ascii_digit()));
    let stored = format!("/.skep/logs/{job}");
    wait_until("the log is stored", || {
        cluster.skep(&["fs", "cat", &format!("{stored}/*")]).stdout.contains("the mapper was here")
    });
    cluster.kill_worker(1);
    cluster.kill_worker(2);
    // The core worker comes back as another process with nothing of the job but its blocks.
    cluster.kill_worker(0);
    std::fs::remove_dir_all(cluster.workers[0].data.join("logs")).unwrap();
    cluster.start_worker(0);
    wait_until("the log is read from storage", || {
        cluster.skep(&["jobs", "logs", &job]).ok().contains("the mapper was here")
    });
}

#[test]
fn killed_jobs_leave_nothing_on_the_workers_disks() {
    let cluster = Cluster::start(2, 1);
    cluster.put("/in", text::words(5, 8 * MIB).as_bytes());
    for round in 0..5 {
        let job = cluster.submit_detached("wordcount", &["/in", &format!("/out-{round}")]);
        cluster.skep(&["jobs", "kill", &job]);
        cluster.wait_for_job(&job);
    }
    for worker in &cluster.workers {
        wait_until("scratch and shuffle data are swept", || {
            ["shuffle", "scratch", "work"].iter().all(|part| files_below(&worker.data.join(part)).is_empty())
        });
    }
}

#[test]
fn a_killed_worker_leaves_no_process_that_its_tasks_started() {
    let mut cluster = Cluster::start(1, 1);
    cluster.put("/in", b"one\ntwo\n");
    // The shell's child is none of the worker's, and in a session of its own.
    let seconds = 100_000 + std::process::id();
    let mapper = format!("sh -c 'setsid sleep {seconds} & wait'");
    cluster.skep(&["submit", "--detach", "--mapper", &mapper, "--input", "/in", "--output", "/out"]).ok();
    let wanted = format!("sleep\0{seconds}\0");
    let sleeping = || processes().into_iter().filter(|id| words_of(*id) == wanted).count();
    wait_until("the mapper runs", || sleeping() > 0);
    cluster.kill_worker(0);
    cluster.kill_worker(1);
    wait_until("nothing of it lives", || sleeping() == 0);
}

fn processes() -> Vec<u32> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Each ends with a zero.
fn words_of(process: u32) -> String {
    std::fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default()
}

/// Children of a worker that are no warden.
fn task_processes(worker: u32) -> Vec<u32> {
    let is_task = |process: &u32| words_of(*process).split('\0').nth(1) != Some("warden");
    children(worker).into_iter().filter(is_task).collect()
}

fn children(process: u32) -> Vec<u32> {
    let text =
        std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let mut found: Vec<u32> = text.split_whitespace().filter_map(|id| id.parse().ok()).collect();
    for entry in std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
        let more = std::fs::read_to_string(entry.path().join("children")).unwrap_or_default();
        found.extend(more.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
    }
    found
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files.extend(files_below(&entry.path()));
        } else if entry.path().extension().is_none_or(|ending| ending != "lock") {
            files.push(entry.path().display().to_string());
        }
    }
    files
}
