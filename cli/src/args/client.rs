//! `skep status`, `skep jobs`, `skep resize`: asking the master.

use clap::{Args, Subcommand};
use skep_jobs::model::{JobId, PartId, StageId};

const STATUS_EXAMPLE: &str = "\
Example:
  skep status
  skep status --json | jq '.workers[].host'";

#[derive(Debug, Args)]
#[command(after_help = STATUS_EXAMPLE)]
pub struct StatusArgs {
    /// Everything, for programs
    #[arg(long)]
    pub json: bool,
}

const JOBS_EXAMPLE: &str = "\
Examples:
  skep jobs                        the latest jobs
  skep jobs show 17                stages, counters, and why it failed
  skep jobs logs 17 --task 0.3     what the attempts of task 3 of stage 0 wrote
  skep jobs why 17                 what it waits for, and since when
  skep jobs kill 17";

#[derive(Debug, Args)]
#[command(after_help = JOBS_EXAMPLE)]
pub struct JobsArgs {
    #[command(subcommand)]
    pub command: Option<JobsCommand>,
    /// For programs
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// The latest jobs, newest first
    #[command(after_help = "Example:\n  skep jobs list --limit 5")]
    List {
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = 30)]
        limit: u32,
    },
    /// One job: stages, progress, counters, why it failed
    #[command(after_help = "Example:\n  skep jobs show job-17 --tasks")]
    Show {
        /// `job-17`, or 17
        #[arg(value_name = "ID")]
        job: JobId,
        /// Its running and latest tasks too
        #[arg(long)]
        tasks: bool,
    },
    /// What the job's processes wrote, during and after the run
    #[command(after_help = "Example:\n  skep jobs logs job-17 --task 0.3")]
    Logs {
        /// `job-17`, or 17
        #[arg(value_name = "ID")]
        job: JobId,
        /// Only the attempts of one task: STAGE.TASK
        #[arg(long, value_name = "S.P", value_parser = parse_task)]
        task: Option<TaskName>,
        /// The newest bytes of each worker
        #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = super::size::parse_bytes)]
        bytes: u64,
    },
    /// What the job waits for, and since when
    #[command(after_help = "Example:\n  skep jobs why job-17")]
    Why {
        /// `job-17`, or 17
        #[arg(value_name = "ID")]
        job: JobId,
    },
    /// Stop a job and remove what it left
    #[command(after_help = "Example:\n  skep jobs kill job-17")]
    Kill {
        /// `job-17`, or 17
        #[arg(value_name = "ID")]
        job: JobId,
    },
}

/// `STAGE.TASK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskName(pub StageId, pub PartId);

fn parse_task(text: &str) -> Result<TaskName, String> {
    let wrong = || format!("`{text}` is not a task; write STAGE.TASK, for example 0.3");
    let (stage, part) = text.split_once('.').ok_or_else(wrong)?;
    let stage = match stage {
        "commit" => StageId::COMMIT,
        "abort" => StageId::ABORT,
        number => StageId(number.parse().map_err(|_| wrong())?),
    };
    Ok(TaskName(stage, PartId(part.parse().map_err(|_| wrong())?)))
}

const RESIZE_EXAMPLE: &str = "\
Examples:
  skep resize --task 4              four task workers
  skep resize --core 2 --plan       what it would take: bytes to move, what blocks it
  skep resize --core 2 --no-wait

Workers that leave are drained first: running tasks end, blocks are copied, shuffle data is used up. Waits until the cluster has
the size, and ends with REACHED, or PARTIAL and the reason (exit code 1).";

#[derive(Debug, Args)]
#[command(after_help = RESIZE_EXAMPLE)]
pub struct ResizeArgs {
    /// Core workers to have
    #[arg(long, value_name = "N", required_unless_present = "task")]
    pub core: Option<u32>,
    /// Task workers to have
    #[arg(long, value_name = "N")]
    pub task: Option<u32>,
    /// Say what would happen, and change nothing
    #[arg(long)]
    pub plan: bool,
    /// Return when the master has accepted it
    #[arg(long, conflicts_with = "plan")]
    pub no_wait: bool,
    /// Give up waiting after this many seconds; the cluster goes on
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, conflicts_with_all = ["plan", "no_wait"])]
    pub wait_seconds: u64,
    /// The plan, for programs
    #[arg(long, requires = "plan")]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_named_by_stage_and_part() {
        assert_eq!(parse_task("0.3"), Ok(TaskName(StageId(0), PartId(3))));
        assert_eq!(parse_task("commit.0"), Ok(TaskName(StageId::COMMIT, PartId(0))));
        for text in ["", "3", "a.b", "1.", ".1", "-1.0"] {
            assert!(parse_task(text).is_err(), "{text}");
        }
    }
}
