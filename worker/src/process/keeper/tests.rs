//! Real processes: how they end, what they print, what they leave behind.

use super::*;
use crate::process::{roster::MARK_VARIABLE, table::has_environment};
use std::sync::mpsc::{Receiver, channel};

const GUARD: Duration = Duration::from_secs(60);

struct Rig {
    folder: tempfile::TempDir,
    keeper: Keeper,
    reports: Receiver<Report>,
}

impl Rig {
    fn new() -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let (sender, reports) = channel();
        let roster = Roster::create(&folder.path().join("processes")).unwrap();
        let keeper =
            Keeper::start(roster, None, false, Arc::default(), move |report| drop(sender.send(report)))
                .unwrap();
        Rig { folder, keeper, reports }
    }

    fn start(&self, script: &str, memory_limit_bytes: u64) {
        self.start_program(PathBuf::from("/bin/sh"), &["-c", script], memory_limit_bytes);
    }

    fn start_program(&self, executable: PathBuf, arguments: &[&str], memory_limit_bytes: u64) {
        let log = JobLog::open(&self.folder.path().join("log")).unwrap();
        self.keeper.start_process(StartCommand {
            life: Life(1),
            job: JobId(1),
            executable,
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            environment: vec![
                ("PATH".to_owned(), std::env::var("PATH").unwrap()),
                (MARK_VARIABLE.to_owned(), self.mark()),
            ],
            work: self.folder.path().to_path_buf(),
            memory_limit_bytes,
            log,
        });
    }

    fn mark(&self) -> String {
        self.folder.path().to_str().unwrap().to_owned()
    }

    fn report(&self) -> Report {
        self.reports.recv_timeout(GUARD).expect("a report")
    }

    fn exit(&self) -> Exit {
        loop {
            if let Report::Exited { exit, .. } = self.report() {
                return exit;
            }
        }
    }

    /// Living processes that carry this test's mark.
    fn marked(&self) -> usize {
        let table = ProcessTable::read().unwrap();
        let marked = |entry: &&crate::process::table::ProcessEntry| {
            !entry.zombie && has_environment(entry.key.process, MARK_VARIABLE, &self.mark())
        };
        table.iter().filter(marked).count()
    }

    fn wait_for(&self, what: &str, condition: impl Fn(&Rig) -> bool) {
        let begin = Instant::now();
        while !condition(self) {
            assert!(begin.elapsed() < GUARD, "never happened: {what}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn an_exit_comes_with_its_code_and_the_last_lines() {
    let rig = Rig::new();
    rig.start("echo out; echo err >&2; exit 7", 0);
    let exit = rig.exit();
    assert_eq!(exit.how, "exit code 7");
    assert_eq!(exit.last_lines, "out\nerr");
    assert!(!exit.out_of_memory);
}

#[test]
fn a_killed_process_takes_its_grandchildren_with_it_also_those_that_left_the_session() {
    let rig = Rig::new();
    rig.start("setsid sh -c 'sleep 1000 & sleep 1000' & (sleep 1000 &) ; sleep 1000", 0);
    rig.wait_for("the tree stands", |rig| rig.marked() >= 6);
    rig.keeper.kill(Life(1));
    assert!(rig.exit().how.contains("SIGKILL"));
    assert_eq!(rig.marked(), 0);
}

#[test]
fn what_a_process_leaves_behind_when_it_exits_is_ended() {
    let rig = Rig::new();
    rig.start("sleep 1000 & setsid sleep 1000 & sleep 0.5; exit 0", 0);
    assert_eq!(rig.exit().how, "exit code 0");
    assert_eq!(rig.marked(), 0);
}

#[test]
fn a_tree_over_its_memory_is_ended_even_when_it_is_the_child_that_grows() {
    let rig = Rig::new();
    rig.start("python3 -c 'import time; a = bytearray(300 << 20); time.sleep(1000)' & wait", 100 << 20);
    assert!(matches!(rig.report(), Report::Spawned { .. }));
    let Report::OverMemory { peak_bytes, limit_bytes, .. } = rig.report() else { panic!("not over memory") };
    assert!(peak_bytes > limit_bytes && limit_bytes == 100 << 20);
    rig.exit();
    assert_eq!(rig.marked(), 0);
}

#[test]
fn a_program_that_cannot_run_here_is_the_jobs_fault() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::new();
    for content in [&b"\x7fELF garbage"[..], &b"#!/no/such/interpreter\n"[..]] {
        let path = rig.folder.path().join("program");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        rig.start_program(path, &[], 0);
        let Report::StartFailed { fault, .. } = rig.report() else { panic!("it started") };
        assert_eq!(fault.kind, FaultKind::Undecodable, "{fault:?}");
    }
}

#[test]
fn the_end_of_the_keeper_is_the_end_of_its_processes() {
    let rig = Rig::new();
    rig.start("sleep 1000 & setsid sleep 1000", 0);
    rig.wait_for("the tree stands", |rig| rig.marked() >= 2);
    let Rig { folder, keeper, reports } = rig;
    keeper.end();
    assert!(reports.iter().any(|report| matches!(report, Report::Exited { .. })));
    let mark = folder.path().to_str().unwrap().to_owned();
    let table = ProcessTable::read().unwrap();
    let left = table.iter().filter(|entry| !entry.zombie);
    assert_eq!(left.filter(|entry| has_environment(entry.key.process, MARK_VARIABLE, &mark)).count(), 0);
    assert_eq!(std::fs::read_to_string(folder.path().join("processes")).unwrap(), "");
}
