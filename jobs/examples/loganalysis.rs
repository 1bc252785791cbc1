//! Joins two inputs: which team's hosts caused how much traffic.
//!
//! ```sh
//! loganalysis ACCESS_LOG HOSTS OUTPUT          # lines `team<TAB>requests<TAB>bytes`
//! ```
//! The access log is in the common log format, `HOST - - [TIME] "REQUEST" STATUS BYTES`; the table of hosts has lines
//! `HOST<TAB>TEAM`. Requests of hosts that are not in the table are counted apart.

use skep_jobs::prelude::*;

/// Sums requests and bytes of an access log by team.
#[derive(clap::Parser)]
struct Args {
    /// A file, a directory or a glob.
    access_log: String,
    /// The table `HOST<TAB>TEAM`.
    hosts: String,
    /// A directory that does not exist yet.
    output: String,
}

/// Host and bytes of a line; `-` stands for no bytes.
fn parse(line: &str) -> Option<(&str, u64)> {
    let (host, rest) = line.split_once(' ')?;
    let (_, after_request) = rest.rsplit_once('"')?;
    let bytes = after_request.split_whitespace().nth(1)?;
    Some((host, if bytes == "-" { 0 } else { bytes.parse().ok()? }))
}

fn main() -> std::process::ExitCode {
    skep_jobs::run("loganalysis", |plan: &Plan, args: &Args| {
        let bad_lines = plan.counter("access log lines that cannot be read");
        let unknown = plan.counter("requests of unknown hosts");
        let traffic = plan
            .text_file(&args.access_log)
            .flat_map::<(String, (u64, u64)), _>(move |line, out| match parse(line) {
                Some((host, bytes)) => out.emit((host, (1, bytes))),
                None => bad_lines.increment(),
            })
            .reduce_by_key(|a, b| (a.0 + b.0, a.1 + b.1));
        let teams = plan.text_file(&args.hosts).flat_map::<(String, String), _>(|line, out| {
            if let Some((host, team)) = line.split_once('\t') {
                out.emit((host, team));
            }
        });
        traffic
            .left_join(&teams)
            .flat_map::<(String, (u64, u64)), _>(move |(_, ((requests, bytes), team)), out| match team {
                Some(team) => out.emit((team, (requests, bytes))),
                None => unknown.add(requests),
            })
            .reduce_by_key(|a, b| (a.0 + b.0, a.1 + b.1))
            .save_text(&args.output);
    })
}
