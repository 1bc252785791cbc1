//! Several hosts on one machine: network namespaces with host names of their own, joined by a bridge. Needs root and the
//! commands `ip` (iproute2) and `unshare` (util-linux).

use std::{
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// Set where a machine without namespaces is a failure and no reason to skip.
const REQUIRED_VARIABLE: &str = "SKEP_TEST_HOSTS_REQUIRED";

pub struct Hosts {
    name: String,
    count: usize,
}

static USED: AtomicU32 = AtomicU32::new(0);

impl Hosts {
    /// `None`, with a word on why, where this is not possible.
    pub fn start(count: usize) -> Option<Hosts> {
        let turn = USED.fetch_add(1, Ordering::Relaxed);
        let hosts = Hosts { name: format!("sk{}x{turn}", std::process::id()), count };
        match hosts.build() {
            Ok(()) => Some(hosts),
            Err(error) => {
                assert!(std::env::var_os(REQUIRED_VARIABLE).is_none(), "no network namespaces: {error}");
                eprintln!("SKIPPED: no network namespaces here ({error}); they need root and iproute2");
                None
            }
        }
    }

    fn build(&self) -> Result<(), String> {
        let switch = self.switch();
        ip(&["netns", "add", &switch])?;
        ip(&["-n", &switch, "link", "add", "bridge", "type", "bridge"])?;
        ip(&["-n", &switch, "link", "set", "bridge", "up"])?;
        for index in 0..self.count {
            let (host, port) = (self.host(index), format!("port{index}"));
            ip(&["netns", "add", &host])?;
            ip(&["-n", &host, "link", "set", "lo", "up"])?;
            ip(&[
                "-n", &host, "link", "add", "eth0", "type", "veth", "peer", "name", &port, "netns", &switch,
            ])?;
            ip(&["-n", &host, "addr", "add", &format!("{}/24", self.address(index)), "dev", "eth0"])?;
            ip(&["-n", &host, "link", "set", "eth0", "up"])?;
            ip(&["-n", &switch, "link", "set", &port, "master", "bridge"])?;
            ip(&["-n", &switch, "link", "set", &port, "up"])?;
        }
        Ok(())
    }

    fn switch(&self) -> String {
        format!("{}sw", self.name)
    }

    pub fn host(&self, index: usize) -> String {
        format!("{}h{index}", self.name)
    }

    /// The one where clients run.
    pub fn last(&self) -> usize {
        self.count - 1
    }

    pub fn address(&self, index: usize) -> String {
        format!("10.211.7.{}", index + 1)
    }

    /// Makes `command` run on a host: in its network, under its name.
    pub fn put_on(&self, index: usize, command: &Command) -> Command {
        let host = self.host(index);
        let mut there = Command::new("ip");
        there.args(["netns", "exec", &host, "unshare", "--uts", "sh", "-c"]);
        there.args(["hostname \"$0\" && exec \"$@\"", &host]).arg(command.get_program());
        there.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => there.env(name, value),
                None => there.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            there.current_dir(folder);
        }
        there
    }

    /// Pulls a host's cable, or plugs it in again.
    pub fn set_cable(&self, index: usize, plugged: bool) {
        let state = if plugged { "up" } else { "down" };
        ip(&["-n", &self.switch(), "link", "set", &format!("port{index}"), state]).expect("the cable moves");
    }

    /// Two hosts do not reach each other; everybody else reaches both.
    pub fn cut(&self, a: usize, b: usize) {
        for (from, to) in [(a, b), (b, a)] {
            let to = format!("{}/32", self.address(to));
            ip(&["-n", &self.host(from), "route", "add", "blackhole", &to]).expect("the route is added");
        }
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        // With a namespace its ends of cables go.
        for index in 0..self.count {
            let _ = ip(&["netns", "del", &self.host(index)]);
        }
        let _ = ip(&["netns", "del", &self.switch()]);
    }
}

fn ip(words: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(words).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("ip: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("ip {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
}
