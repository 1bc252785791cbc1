//! `skep resize`: how many workers the cluster shall have, what that takes, and waiting for it.

use super::{
    Outcome, jobs_client, on_one_thread,
    status::{now_ms, role_text, since},
};
use crate::{
    args::{GlobalArgs, client::ResizeArgs},
    tables::{Align, Table},
};
use indicatif::ProgressBar;
use skep_jobs::{
    protocol::client::{ClusterView, ResizePlan, Role, Wait, WorkerState},
    submit::{JobsClient, amounts, report::EXIT_FAILURE},
};
use std::{
    io::{self, IsTerminal, Write, stderr, stdout},
    process::ExitCode,
    time::{Duration, Instant},
};

const LOOK_EVERY: Duration = Duration::from_millis(50);

pub fn run(global: &GlobalArgs, args: &ResizeArgs) -> Outcome {
    on_one_thread(async {
        let client = jobs_client(global)?;
        let plan = client.resize(args.core, args.task, args.plan).await?;
        if args.json {
            serde_json::to_writer_pretty(stdout().lock(), &plan)?;
            writeln!(stdout())?;
        } else {
            write_plan(&mut stdout().lock(), &plan)?;
        }
        if args.plan {
            return Ok(ExitCode::SUCCESS);
        }
        if !plan.blocked_by.is_empty() {
            return partial(&plan.blocked_by.join("; "));
        }
        if args.no_wait {
            writeln!(stdout(), "ACCEPTED: the cluster works on it; `skep status` shows how far it is")?;
            return Ok(ExitCode::SUCCESS);
        }
        let wanted = Wanted { core: args.core, task: args.task };
        wait(&client, wanted, Duration::from_secs(args.wait_seconds)).await
    })
}

fn partial(reason: &str) -> Outcome {
    writeln!(stdout(), "PARTIAL: {reason}")?;
    Ok(ExitCode::from(EXIT_FAILURE))
}

fn write_plan(out: &mut impl Write, plan: &ResizePlan) -> io::Result<()> {
    for (count, role) in [(plan.start_core, Role::Core), (plan.start_task, Role::Task)] {
        if count > 0 {
            writeln!(
                out,
                "start     {}",
                amounts::counted(count.into(), &format!("{} worker", role_text(role)))
            )?;
        }
    }
    if plan.start_core == 0 && plan.start_task == 0 && plan.drain.is_empty() {
        writeln!(out, "nothing to start and nothing to drain")?;
    }
    if !plan.drain.is_empty() {
        let blocks: u64 = plan.drain.iter().map(|drain| drain.block_bytes_to_move).sum();
        let shuffle: u64 = plan.drain.iter().map(|drain| drain.shuffle_bytes_held).sum();
        let workers = amounts::counted(plan.drain.len() as u64, "worker");
        writeln!(
            out,
            "drain     {workers}: {} of blocks to move, {} of shuffle data",
            amounts::bytes(blocks),
            amounts::bytes(shuffle)
        )?;
        drain_table(plan).write(out)?;
    }
    writeln!(out, "safe      {} at least", amounts::counted(plan.safe_core_min.into(), "core worker"))?;
    for reason in &plan.blocked_by {
        writeln!(out, "blocked   {reason}")?;
    }
    Ok(())
}

fn drain_table(plan: &ResizePlan) -> Table {
    let mut table = Table::new(&[
        ("  WORKER", Align::Left),
        ("ROLE", Align::Left),
        ("RUNNING TASKS", Align::Right),
        ("BLOCKS TO MOVE", Align::Right),
        ("SHUFFLE DATA", Align::Right),
    ]);
    for drain in &plan.drain {
        table.row(vec![
            format!("  {}", drain.worker),
            role_text(drain.role).to_owned(),
            drain.running_tasks.to_string(),
            amounts::bytes(drain.block_bytes_to_move),
            amounts::bytes(drain.shuffle_bytes_held),
        ]);
    }
    table
}

/// `None`: as many as there are.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    core: Option<u32>,
    task: Option<u32>,
}

/// How far a resize is.
#[derive(Debug, PartialEq, Eq)]
enum Stand {
    Reached,
    /// Live and draining workers against those wanted.
    Underway(String),
    /// Somebody set another target meanwhile.
    Overruled(String),
}

impl Wanted {
    fn stand(self, view: &ClusterView) -> Stand {
        let roles = [(Role::Core, self.core, view.target_core), (Role::Task, self.task, view.target_task)];
        let mut open = Vec::new();
        for (role, wanted, target) in roles {
            let Some(wanted) = wanted else { continue };
            if let Some(target) = target.filter(|target| *target != wanted) {
                return Stand::Overruled(format!(
                    "somebody set {} {} workers meanwhile",
                    target,
                    role_text(role)
                ));
            }
            let in_state = |state: WorkerState| {
                view.workers.iter().filter(|worker| worker.role == role && worker.state == state).count()
            };
            let (live, draining) = (in_state(WorkerState::Live), in_state(WorkerState::Draining));
            if live != wanted as usize || draining > 0 {
                let leaving = if draining > 0 { format!(", {draining} draining") } else { String::new() };
                open.push(format!("{live} of {wanted} {} workers{leaving}", role_text(role)));
            }
        }
        if open.is_empty() { Stand::Reached } else { Stand::Underway(open.join("; ")) }
    }
}

async fn wait(client: &JobsClient, wanted: Wanted, patience: Duration) -> Outcome {
    let begun = Instant::now();
    let mut shown = Shown::new();
    loop {
        let view = client.status().await?;
        let stand = wanted.stand(&view);
        let text = match stand {
            Stand::Reached => {
                shown.clear();
                writeln!(stdout(), "REACHED in {}", amounts::duration(begun.elapsed()))?;
                return Ok(ExitCode::SUCCESS);
            }
            Stand::Overruled(reason) => {
                shown.clear();
                return partial(&reason);
            }
            Stand::Underway(text) => text,
        };
        let waits = waits_text(&view.resize_waits);
        if begun.elapsed() > patience {
            shown.clear();
            return partial(&format!("{text}{waits}; the cluster goes on with it"));
        }
        shown.show(&format!("{text}{waits}"));
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => {
                shown.clear();
                return partial(&format!("{text}{waits}; not waited for any longer, the cluster goes on with it"));
            }
        }
    }
}

fn waits_text(waits: &[Wait]) -> String {
    let now = now_ms();
    let each = waits.iter().map(|wait| {
        format!("; {} waits for {}, since {}", wait.who, wait.what_for, since(now, wait.since_ms))
    });
    each.collect()
}

/// A spinner on a terminal, a line per change elsewhere.
struct Shown {
    spinner: Option<ProgressBar>,
    last: String,
}

impl Shown {
    fn new() -> Shown {
        let spinner = stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        Shown { spinner, last: String::new() }
    }

    fn show(&mut self, text: &str) {
        match &self.spinner {
            Some(spinner) => spinner.set_message(text.to_owned()),
            // Without the times, which change with every look.
            None => {
                let line = text.split("; ").next().unwrap_or(text);
                if line != self.last {
                    let _ = writeln!(stderr(), "{line}");
                    line.clone_into(&mut self.last);
                }
            }
        }
    }

    fn clear(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_hdfs::{Epoch, WorkerId, protocol::control::Capacity};
    use skep_jobs::protocol::client::{DrainPlan, WorkerView};
    use skep_wire::Endpoint;

    fn cluster(workers: &[(Role, WorkerState)], target_task: Option<u32>) -> ClusterView {
        let worker = |(role, state): &(Role, WorkerState)| WorkerView {
            worker: WorkerId(1),
            epoch: Epoch(1),
            role: *role,
            state: *state,
            endpoint: Endpoint::Tcp("127.0.0.1:5".to_owned()),
            host: String::new(),
            process: 1,
            slots: 1,
            slots_used: 0,
            memory_bytes: 0,
            capacity: Capacity::default(),
            blocks: 0,
            last_beat_ms_ago: 0,
        };
        ClusterView {
            version: String::new(),
            endpoint: Endpoint::Tcp("127.0.0.1:1".to_owned()),
            started_ms: 0,
            workers: workers.iter().map(worker).collect(),
            storage: None,
            running: Vec::new(),
            target_core: None,
            target_task,
            resize_waits: Vec::new(),
            provider: None,
        }
    }

    #[test]
    fn a_resize_is_reached_when_the_live_ones_are_as_many_and_nobody_drains() {
        use Role::{Core, Task};
        use WorkerState::{Draining, Gone, Live};
        let two = Wanted { core: None, task: Some(2) };
        let at = |workers: &[(Role, WorkerState)]| two.stand(&cluster(workers, Some(2)));
        assert_eq!(at(&[(Core, Live), (Task, Live), (Task, Live), (Task, Gone)]), Stand::Reached);
        assert_eq!(at(&[(Task, Live)]), Stand::Underway("1 of 2 task workers".to_owned()));
        assert_eq!(
            at(&[(Task, Live), (Task, Live), (Task, Draining)]),
            Stand::Underway("2 of 2 task workers, 1 draining".to_owned())
        );
        let overruled = two.stand(&cluster(&[], Some(7)));
        assert!(matches!(overruled, Stand::Overruled(_)), "{overruled:?}");
    }

    #[test]
    fn a_plan_says_what_moves_and_what_blocks() {
        let plan = ResizePlan {
            start_core: 0,
            start_task: 2,
            drain: vec![DrainPlan {
                worker: WorkerId(4),
                role: Role::Core,
                running_tasks: 3,
                block_bytes_to_move: 5 << 30,
                shuffle_bytes_held: 0,
            }],
            safe_core_min: 2,
            blocked_by: vec!["no room".to_owned()],
        };
        let mut out = Vec::new();
        write_plan(&mut out, &plan).unwrap();
        let text = String::from_utf8(out).unwrap();
        for expected in
            ["2 task workers", "1 worker: 5.0 GiB of blocks", "worker-4", "2 core workers", "no room"]
        {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}
