//! The main job on a real cluster: job binaries over replicated blocks give exactly the right output.

use skep_tests::{Cluster, text};
use std::collections::BTreeMap;

const MIB: usize = 1 << 20;

fn a_cluster_with_text() -> (Cluster, Vec<String>) {
    let cluster = Cluster::start(2, 2);
    let texts: Vec<String> = (0..4).map(|seed| text::words(seed, 2 * MIB)).collect();
    cluster.skep(&["fs", "mkdir", "-p", "/in"]).ok();
    for (index, text) in texts.iter().enumerate() {
        cluster.put(&format!("/in/text-{index}"), text.as_bytes());
    }
    (cluster, texts)
}

#[test]
fn wordcount_counts_every_word_of_every_file() {
    let (cluster, texts) = a_cluster_with_text();
    cluster.submit("wordcount", &["/in", "/out"]).ok();
    let expected = text::count(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(text::parse_counts(&cluster.cat("/out/part-*")), expected);
    cluster.skep(&["fs", "test", "-e", "/out/_SUCCESS"]).ok();
    let left = cluster.skep(&["fs", "ls", "-C", "/out"]).ok();
    assert!(!left.contains("_temporary"), "{left}");
    assert_eq!(cluster.last_job()["tasks_recomputed"], 0);
}

#[test]
fn terasort_sorts_and_teravalidate_agrees() {
    let cluster = Cluster::start(2, 2);
    cluster.submit("teragen", &["100000", "/tera/in"]).ok();
    assert_eq!(
        cluster.skep(&["fs", "du", "-s", "/tera/in"]).ok().split_whitespace().next(),
        Some("10000000")
    );
    cluster.submit("terasort", &["/tera/in", "/tera/out"]).ok();
    let verdict = cluster.submit("teravalidate", &["/tera/in", "/tera/out"]);
    let said = format!("{}{}", verdict.stdout, verdict.stderr);
    assert_eq!(verdict.code, Some(0), "{said}");
    assert!(said.contains("100000"), "it says how many records it saw: {said}");
}

#[test]
fn teravalidate_refuses_records_out_of_order() {
    let cluster = Cluster::start(1, 0);
    cluster.submit("teragen", &["1000", "/tera/in"]).ok();
    cluster.submit("teravalidate", &["/tera/in", "/tera/in"]).refused();
}

#[test]
fn the_log_analysis_joins_its_two_inputs() {
    let cluster = Cluster::start(2, 1);
    let mut log = String::new();
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for line in 0..20_000_u64 {
        let host = format!("10.0.{}.{}", line % 7, line % 31);
        let bytes = line % 1000;
        log.push_str(&format!(
            "{host} - - [01/Jan/2026:00:00:00 +0000] \"GET /page/{} HTTP/1.1\" 200 {bytes}\n",
            line % 13
        ));
        if line % 7 != 6 {
            *expected.entry(format!("team-{}", line % 7)).or_default() += bytes;
        }
    }
    let mut hosts = String::new();
    for a in 0..6 {
        for b in 0..31 {
            hosts.push_str(&format!("10.0.{a}.{b}\tteam-{a}\n"));
        }
    }
    cluster.put("/access.log", log.as_bytes());
    cluster.put("/hosts.tsv", hosts.as_bytes());
    cluster.submit("loganalysis", &["/access.log", "/hosts.tsv", "/report"]).ok();
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for line in cluster.cat("/report/part-*").lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        found.insert(fields[0].to_owned(), fields.last().expect("a number").parse().expect("bytes"));
    }
    assert_eq!(found, expected);
}

#[test]
fn a_python_streaming_job_counts_like_the_job_binary() {
    let (cluster, texts) = a_cluster_with_text();
    let mapper = cluster.folder.path().join("mapper.py");
    let reducer = cluster.folder.path().join("reducer.py");
    std::fs::write(
        &mapper,
        "import sys\nfor line in sys.stdin:\n    for word in line.split():\n        print(word + '\\t1')\n\
         sys.stderr.write('reporter:counter:words,lines,1\\n')\n",
    )
    .unwrap();
    std::fs::write(
        &reducer,
        "import sys\nlast, total = None, 0\nfor line in sys.stdin:\n    key, value = line.rstrip('\\n').split('\\t')\n    \
         if key != last and last is not None:\n        print(f'{last}\\t{total}'); total = 0\n    \
         last, total = key, total + int(value)\nif last is not None:\n    print(f'{last}\\t{total}')\n",
    )
    .unwrap();
    cluster
        .skep(&[
            "submit",
            "--mapper",
            "python3 mapper.py",
            "--reducer",
            "python3 reducer.py",
            "--reducers",
            "3",
            "--file",
            mapper.to_str().unwrap(),
            "--file",
            reducer.to_str().unwrap(),
            "--input",
            "/in/text-*",
            "--output",
            "/out",
        ])
        .ok();
    let expected = text::count(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(text::parse_counts(&cluster.cat("/out/part-*")), expected);
    assert!(cluster.last_job()["counters"].to_string().contains("lines"), "the script's counter is shown");
}

#[test]
fn two_jobs_at_once_share_the_slots_and_both_end_right() {
    let (cluster, texts) = a_cluster_with_text();
    let first = cluster.submit_detached("wordcount", &["/in/text-[01]", "/out-a"]);
    let second = cluster.submit_detached("wordcount", &["/in/text-[23]", "/out-b"]);
    for (job, output, range) in [(first, "/out-a", 0..2), (second, "/out-b", 2..4)] {
        let view = cluster.wait_for_job(&job);
        assert_eq!(view["summary"]["state"], "Succeeded", "{view}");
        let expected = text::count(&texts[range].iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(text::parse_counts(&cluster.cat(&format!("{output}/part-*"))), expected);
    }
}

#[test]
fn a_job_ten_times_larger_than_its_memory_grant_spills_and_ends_right() {
    let cluster = Cluster::start(2, 0);
    cluster.submit("teragen", &["400000", "/tera/in"]).ok();
    cluster
        .skep(&["submit", "--conf", "task.memory=4MiB", job("terasort").as_str(), "/tera/in", "/tera/out"])
        .ok();
    let view = cluster.last_job();
    let spilled: u64 =
        view["stages"].as_array().unwrap().iter().map(|stage| stage["spilled_bytes"].as_u64().unwrap()).sum();
    assert!(spilled > 0, "nothing was spilled: {view}");
    let verdict = cluster.submit("teravalidate", &["/tera/in", "/tera/out"]);
    assert_eq!(verdict.code, Some(0), "{verdict:?}");
}

fn job(name: &str) -> String {
    skep_tests::programs::job(name).display().to_string()
}
