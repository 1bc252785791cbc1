//! A cluster of real processes: a master, core workers, task workers; started, killed and started again one by one.

use crate::{Hosts, programs};
use serde_json::Value;
use std::{
    fs::File,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Long enough for any machine; a condition that is not met by then never will be.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Cluster {
    pub folder: TempDir,
    pub address: String,
    master: Option<Child>,
    pub workers: Vec<Worker>,
    /// Each a `skep hive`.
    hives: Vec<Option<Child>>,
    worker_flags: Vec<String>,
    /// Further environment of every process, clients included.
    variables: Vec<(&'static str, String)>,
    /// The master runs on the first, each worker on one of its own, clients on the last; without, all on this machine.
    pub hosts: Option<Hosts>,
}

pub struct Worker {
    pub role: &'static str,
    pub data: PathBuf,
    child: Option<Child>,
}

/// How a command ended and what it wrote.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The standard output of a command that had to succeed.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "failed\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// The standard error of a command that had to fail, without a panic.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_ne!(self.code, Some(0), "succeeded\nstdout: {}", self.stdout);
        assert!(!self.stderr.contains("panicked at"), "panicked: {}", self.stderr);
        assert!(!self.stderr.trim().is_empty(), "failed without a word; stdout: {}", self.stdout);
        self.stderr
    }
}

impl Cluster {
    pub fn start(core: usize, task: usize) -> Cluster {
        Cluster::start_with(core, task, &[])
    }

    /// `worker_flags` go to every worker (`--slots`, `--memory`).
    pub fn start_with(core: usize, task: usize, worker_flags: &[&str]) -> Cluster {
        let mut cluster = Cluster::on_this_machine();
        cluster.worker_flags = worker_flags.iter().map(|flag| (*flag).to_owned()).collect();
        cluster.with_workers(core, task)
    }

    /// `variables` are in the environment of every process, clients included.
    pub fn start_in(variables: Vec<(&'static str, String)>, core: usize, task: usize) -> Cluster {
        let mut cluster = Cluster::on_this_machine();
        cluster.variables = variables;
        cluster.with_workers(core, task)
    }

    /// Every process on a host of its own. `None` where there can be none.
    pub fn start_on_hosts(core: usize, task: usize) -> Option<Cluster> {
        let hosts = Hosts::start(core + task + 2)?;
        let mut cluster = Cluster::at(format!("{}:7077", hosts.address(0)));
        cluster.hosts = Some(hosts);
        Some(cluster.with_workers(core, task))
    }

    fn on_this_machine() -> Cluster {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        Cluster::at(format!("127.0.0.1:{}", port.expect("a free port").port()))
    }

    /// Nothing of it runs yet.
    fn at(address: String) -> Cluster {
        let folder = tempfile::Builder::new().prefix("skep-test-").tempdir().expect("a temporary folder");
        let (worker_flags, variables) = (Vec::new(), Vec::new());
        Cluster {
            folder,
            address,
            master: None,
            workers: Vec::new(),
            hives: Vec::new(),
            worker_flags,
            variables,
            hosts: None,
        }
    }

    fn with_workers(mut self, core: usize, task: usize) -> Cluster {
        self.start_master();
        for _ in 0..core {
            self.add_worker("core");
        }
        for _ in 0..task {
            self.add_worker("task");
        }
        self.wait_for_workers(core + task);
        self
    }

    pub fn start_master(&mut self) {
        assert!(self.master.is_none(), "one master at a time");
        let data = self.folder.path().join("master");
        let mut command = Command::new(programs::skep());
        command.args(["master", "--listen", &self.address, "--data"]).arg(&data);
        command.envs(self.variables.clone());
        let command = self.on_host(0, command);
        self.master = Some(spawn_logged(command, &self.folder.path().join("master.log")));
        let secret = data.join("secret");
        wait_until("the master made its secret", || secret.exists());
    }

    /// Starts one more worker and returns its index; does not wait for it.
    pub fn add_worker(&mut self, role: &'static str) -> usize {
        let data = self.folder.path().join(format!("worker-{}", self.workers.len()));
        self.add_worker_in(role, data)
    }

    /// The same, with its data in a directory of the test's choice.
    pub fn add_worker_in(&mut self, role: &'static str, data: PathBuf) -> usize {
        let index = self.workers.len();
        self.workers.push(Worker { role, data, child: None });
        self.start_worker(index);
        index
    }

    /// Starts a worker (again) on its own data directory.
    pub fn start_worker(&mut self, index: usize) {
        let mut command = Command::new(programs::skep());
        let worker = &self.workers[index];
        command
            .args(["worker", "--role", worker.role, "--master", &self.address, "--data"])
            .arg(&worker.data);
        command.arg("--secret").arg(self.secret()).args(&self.worker_flags);
        command.envs(self.variables.clone());
        if let Some(hosts) = &self.hosts {
            command.args(["--listen", &format!("{}:7078", hosts.address(index + 1))]);
        }
        let command = self.on_host(index + 1, command);
        let log = self.folder.path().join(format!("worker-{index}.log"));
        let child = spawn_logged(command, &log);
        self.workers[index].child = Some(child);
    }

    /// Starts one more SQL service and returns its index, once clients find it.
    pub fn start_hive(&mut self) -> usize {
        let index = self.hives.len();
        let mut command = Command::new(programs::skep());
        command.args(["hive", "--master", &self.address, "--secret"]).arg(self.secret());
        command.envs(self.variables.clone());
        let command = self.on_host(0, command);
        let before = self.sql_services();
        let child = spawn_logged(command, &self.folder.path().join(format!("hive-{index}.log")));
        self.hives.push(Some(child));
        wait_until("the SQL service is there", || {
            self.sql_services().iter().any(|service| !before.contains(service))
        });
        index
    }

    /// Where clients find them.
    pub fn sql_services(&self) -> Vec<String> {
        let status = self.status();
        let services = status["sql"].as_array().cloned().unwrap_or_default();
        services.iter().map(|service| service["id"].to_string()).collect()
    }

    /// SIGKILL.
    pub fn kill_hive(&mut self, index: usize) {
        kill(self.hives[index].take());
    }

    /// SIGTERM, and how it ended.
    pub fn stop_hive(&mut self, index: usize) -> Option<i32> {
        let mut child = self.hives[index].take().expect("it runs");
        interrupt(&child, "TERM");
        child.wait().expect("it ends").code()
    }

    pub fn sql(&self, statements: &str) -> Output {
        self.skep(&["sql", "-e", statements])
    }

    fn on_host(&self, index: usize, command: Command) -> Command {
        match &self.hosts {
            Some(hosts) => hosts.put_on(index, &command),
            None => command,
        }
    }

    pub fn secret(&self) -> PathBuf {
        self.folder.path().join("master").join("secret")
    }

    /// SIGKILL, and nothing of it left to wait for.
    pub fn kill_worker(&mut self, index: usize) {
        kill(self.workers[index].child.take());
    }

    pub fn kill_master(&mut self) {
        kill(self.master.take());
    }

    /// The processes of the master and of all workers that run.
    pub fn processes(&self) -> Vec<u32> {
        let workers = self.workers.iter().filter_map(|worker| worker.child.as_ref());
        self.master.iter().chain(workers).map(Child::id).collect()
    }

    pub fn worker_process(&self, index: usize) -> u32 {
        self.workers[index].child.as_ref().expect("it runs").id()
    }

    /// A client command against this cluster.
    pub fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments);
        command.env("SKEP_MASTER", &self.address).env("SKEP_SECRET_FILE", self.secret());
        command.env("XDG_STATE_HOME", self.folder.path().join("state")).envs(self.variables.clone());
        command.current_dir(self.folder.path());
        match &self.hosts {
            Some(hosts) => hosts.put_on(hosts.last(), &command),
            None => command,
        }
    }

    /// Runs `skep ARGUMENTS` to its end.
    pub fn skep(&self, arguments: &[&str]) -> Output {
        run(&mut self.command(&programs::skep(), arguments), b"")
    }

    pub fn skep_with_input(&self, arguments: &[&str], input: &[u8]) -> Output {
        run(&mut self.command(&programs::skep(), arguments), input)
    }

    /// Starts `skep ARGUMENTS` and lets it run.
    pub fn skep_in_background(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(&programs::skep(), arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("skep starts")
    }

    pub fn submit(&self, job: &str, arguments: &[&str]) -> Output {
        let binary = programs::job(job);
        let mut all = vec!["submit", binary.to_str().expect("a path in UTF-8")];
        all.extend(arguments);
        self.skep(&all)
    }

    /// Submits and returns the job's id at once.
    pub fn submit_detached(&self, job: &str, arguments: &[&str]) -> String {
        let binary = programs::job(job);
        let mut all = vec!["submit", "--detach", binary.to_str().expect("a path in UTF-8")];
        all.extend(arguments);
        let output = self.skep(&all).ok();
        let id = output.split_whitespace().find(|word| word.starts_with("job-"));
        id.unwrap_or_else(|| panic!("no job id in {output:?}")).trim_end_matches(['.', ',', ':']).to_owned()
    }

    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.skep_with_input(&["fs", "put", "-", path], bytes).ok();
    }

    pub fn cat(&self, pattern: &str) -> String {
        self.skep(&["fs", "cat", pattern]).ok()
    }

    pub fn status(&self) -> Value {
        json(&self.skep(&["status", "--json"]).ok())
    }

    pub fn job(&self, id: &str) -> Value {
        json(&self.skep(&["jobs", "show", id, "--json"]).ok())
    }

    /// The newest job.
    pub fn last_job(&self) -> Value {
        let jobs = json(&self.skep(&["jobs", "list", "--json"]).ok());
        let id = jobs.as_array().and_then(|jobs| jobs.first()).map(|job| job["id"].clone()).expect("a job");
        self.job(&id.to_string().replace('"', ""))
    }

    pub fn wait_for_job(&self, id: &str) -> Value {
        let mut view = Value::Null;
        wait_until(&format!("{id} is over"), || {
            let output = self.skep(&["jobs", "show", id, "--json"]);
            if output.code == Some(0) {
                view = json(&output.stdout);
            }
            let state = view["summary"]["state"].as_str().unwrap_or_default();
            ["Succeeded", "Failed", "Killed"].contains(&state)
        });
        view
    }

    pub fn wait_for_workers(&self, count: usize) {
        wait_until(&format!("{count} workers are live"), || {
            let output = self.skep(&["status", "--json"]);
            output.code == Some(0)
                && json(&output.stdout)["workers"].as_array().is_some_and(|workers| {
                    workers.iter().filter(|worker| worker["state"] == "Live").count() >= count
                })
        });
    }

    /// Logs of all daemons, for a failing test's message.
    pub fn logs(&self) -> String {
        let mut all = String::new();
        for entry in std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|ending| ending == "log") {
                let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                all.push_str(&format!("--- {}\n{text}\n", entry.file_name().to_string_lossy()));
            }
        }
        all
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        for worker in &mut self.workers {
            kill(worker.child.take());
        }
        self.hives.iter_mut().for_each(|hive| kill(hive.take()));
        kill(self.master.take());
    }
}

/// Sends a signal, by its name.
pub fn interrupt(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
}

fn spawn_logged(mut command: Command, log: &Path) -> Child {
    let log = File::options().create(true).append(true).open(log).expect("a log file");
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a descriptor")).stderr(log);
    command.spawn().expect("skep starts")
}

fn kill(child: Option<Child>) {
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn run(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || {
        // A command that does not want its input closes the pipe.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("the program ends");
    feeder.join().expect("the feeder does not panic");
    Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Waits for a condition; the message says what never happened.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
