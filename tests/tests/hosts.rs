//! A cluster on several hosts: every process in a network namespace and under a host name of its own, so that nothing goes
//! through loopback or a shared socket. Cables are pulled and routes cut while jobs run.

use serde_json::Value;
use skep_tests::{Cluster, cluster::wait_until, programs, text};

const MIB: usize = 1 << 20;

fn submit_detached(cluster: &Cluster, output: &str) -> String {
    let binary = programs::job("wordcount");
    let words = ["submit", "--detach", "--conf", "input.split.bytes=1MiB", "--conf", "job.partitions=8"];
    let said = cluster.skep(&[&words[..], &[binary.to_str().unwrap(), "/in", output]].concat()).ok();
    said.split_whitespace().find(|word| word.starts_with("job-")).expect("an id").to_owned()
}

fn state_of(cluster: &Cluster, host: &str) -> Option<String> {
    let status: Value = serde_json::from_str(&cluster.skep(&["status", "--json"]).stdout).ok()?;
    let mine = status["workers"].as_array()?.iter().find(|worker| worker["host"] == host)?.clone();
    mine["state"].as_str().map(str::to_owned)
}

#[test]
fn files_and_jobs_cross_hosts() {
    let Some(cluster) = Cluster::start_on_hosts(2, 1) else { return };
    let text = text::words(3, 6 * MIB);
    cluster.put("/in", text.as_bytes());
    assert_eq!(cluster.cat("/in"), text, "read back over the network");
    cluster.submit("wordcount", &["/in", "/out"]).ok();
    assert_eq!(text::parse_counts(&cluster.cat("/out/part-*")), text::count(&[&text]));
}

#[test]
fn a_host_whose_cable_is_pulled_is_gone_and_takes_part_again_when_it_is_back() {
    let Some(cluster) = Cluster::start_on_hosts(3, 1) else { return };
    let hosts = cluster.hosts.as_ref().expect("just started");
    let text = text::words(4, 12 * MIB);
    cluster.put("/in", text.as_bytes());
    let job = submit_detached(&cluster, "/out");
    hosts.set_cable(1, false);
    let view = cluster.wait_for_job(&job);
    assert_eq!(view["summary"]["state"], "Succeeded", "{view}\n{}", cluster.logs());
    assert_eq!(text::parse_counts(&cluster.cat("/out/part-*")), text::count(&[&text]));
    wait_until("the silent worker is gone", || state_of(&cluster, &hosts.host(1)).as_deref() != Some("Live"));
    hosts.set_cable(1, true);
    wait_until("it is back", || state_of(&cluster, &hosts.host(1)).as_deref() == Some("Live"));
    wait_until("every block has its replicas again", || {
        let status: Value =
            serde_json::from_str(&cluster.skep(&["status", "--json"]).stdout).unwrap_or_default();
        status["storage"]["under_replicated_blocks"] == 0
    });
    assert_eq!(cluster.cat("/in"), text);
}

#[test]
fn a_task_host_that_cannot_reach_one_core_host_delivers_to_another() {
    let Some(cluster) = Cluster::start_on_hosts(2, 1) else { return };
    let hosts = cluster.hosts.as_ref().expect("just started");
    let text = text::words(5, 6 * MIB);
    cluster.put("/in", text.as_bytes());
    hosts.cut(3, 1);
    let view = cluster.wait_for_job(&submit_detached(&cluster, "/out"));
    assert_eq!(view["summary"]["state"], "Succeeded", "{view}\n{}", cluster.logs());
    assert_eq!(text::parse_counts(&cluster.cat("/out/part-*")), text::count(&[&text]));
}
