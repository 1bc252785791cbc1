//! `skep demo`: the main job end to end on a cluster of real processes, with every command that a user would type.
//!
//! * [`stage`] is the cluster and running commands on it; [`text`] the input; [`program`] the job binary.
//! * [`count`] is the plain count that the cluster's results are compared with; [`query`] is the second act, [`resize`] the third.

mod count;
mod program;
mod query;
mod resize;
mod stage;
mod text;

use super::{Outcome, on_one_thread};
use crate::args::demo::DemoArgs;
use count::{CountError, Counts};
use skep_hdfs::{
    FsPath,
    client::{Client, ClientError, CreateOptions},
};
use skep_jobs::submit::{JobsError, SubmitError, amounts, report::EXIT_INTERRUPTED};
use stage::{Stage, say, show, tell};
use std::{
    io,
    path::Path,
    process::{ExitCode, ExitStatus},
    time::Instant,
};
use text::Library;

const INPUT: &str = "/text";
const FIRST_OUTPUT: &str = "/counts";
const TOP_WORDS: usize = 10;

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("cannot make a temporary folder")]
    Folder(#[source] io::Error),
    #[error(transparent)]
    Output(io::Error),
    #[error(transparent)]
    Text(#[from] text::TextError),
    #[error(transparent)]
    Program(#[from] program::ProgramError),
    #[error("cannot run `{command}`")]
    Run { command: &'static str, source: io::Error },
    #[error("`{command}` failed: {status}")]
    Failed { command: String, status: ExitStatus },
    #[error("the cluster did not come up")]
    NotUp,
    #[error("the output is not UTF-8")]
    NotText,
    #[error("cannot store the text")]
    Store(#[from] ClientError),
    #[error("cannot store the text under {path}")]
    Path { path: String, source: skep_hdfs::path::PathError },
    #[error("counting the words was interrupted")]
    Count(#[source] tokio::task::JoinError),
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Jobs(#[from] JobsError),
    #[error("the result is wrong")]
    Wrong(#[from] CountError),
    #[error("the second job did not succeed: {0}")]
    SecondJob(String),
    #[error("{0} finished tasks ran again, though only a task worker was lost")]
    Recomputed(u64),
    #[error("the job's id cannot be read from `{0}`")]
    NoJobId(String),
    #[error(
        "the job was over before one of the new task workers ran a task, {0} times; give it more text (--size)"
    )]
    TooQuick(u32),
}

pub fn run(args: &DemoArgs) -> Outcome {
    on_one_thread(async {
        let mut stage = Stage::set(args.keep)?;
        let begun = Instant::now();
        let ended = tokio::select! {
            ended = perform(&mut stage, args) => Some(ended),
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(ended) = ended else {
            eprintln!("\ninterrupted: stopping the cluster and removing its folder");
            stage.strike().await?;
            return Ok(ExitCode::from(EXIT_INTERRUPTED));
        };
        if let Err(error) = ended {
            stage.strike().await?;
            return Err(error.into());
        }
        let took = amounts::duration(begun.elapsed());
        if args.keep {
            let cluster = stage.leave();
            say(&format!(
                "\nThe cluster lives on (all took {took}). Stop it with: skep down --data {}",
                cluster.display()
            ))?;
        } else {
            tell("The end: everything stops, and the folder is removed.")?;
            show("skep down")?;
            stage.strike().await?;
            say(&format!("\nDone in {took}."))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn perform(stage: &mut Stage, args: &DemoArgs) -> Result<(), DemoError> {
    let binary = program::wordcount(|command| drop(show(command))).await?;
    let binary = binary.display().to_string();
    let library = Library::find(args.input.as_deref())?;
    tell(
        "A cluster of real processes: a master, two core workers (blocks and tasks), one task worker (tasks only).",
    )?;
    stage.up(2, 1).await?;
    stage.run(&["status"]).await?;

    let session = stage.session()?;
    let pieces = store(&session.client, &library, args.size).await?;
    // Meanwhile the same words are counted plainly, to compare with.
    let expected = tokio::task::spawn_blocking(move || count::count(&pieces));

    tell(
        "The main job: counting words. The job binary is stored in the cluster once and runs on every worker.",
    )?;
    stage.run(&["submit", &binary, INPUT, FIRST_OUTPUT]).await?;
    let counts = result(stage, FIRST_OUTPUT, " | sort -t '\t' -k2 -n -r | head").await?;
    for (word, count) in count::top(&counts, TOP_WORDS) {
        say(&format!("{:>12}  {word}", amounts::count(count)))?;
    }
    let expected = expected.await.map_err(DemoError::Count)?;
    check(&counts, &expected)?;
    query::act(stage, &expected).await?;
    resize::act(stage, &session, &binary, &expected, args.size).await?;
    query::again(stage, &expected).await
}

/// Small files are joined on their way.
async fn store(client: &Client, library: &Library, bytes_max: u64) -> Result<Vec<String>, DemoError> {
    let pieces = library.read(bytes_max)?;
    let total: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
    tell(&format!(
        "{} of text from {}, joined to {} files, two replicas of each block.",
        amounts::bytes(total),
        library.root.display(),
        pieces.len()
    ))?;
    show(&format!("skep fs mkdir {INPUT}"))?;
    show(&format!("skep fs put {} {INPUT}", shown_sources(&library.root)))?;
    let begun = Instant::now();
    for (index, piece) in pieces.iter().enumerate() {
        let path = format!("{INPUT}/text-{index:03}");
        let path: FsPath = path.parse().map_err(|source| DemoError::Path { path, source })?;
        let mut file = client.create(&path, CreateOptions::default()).await?;
        file.write(piece.as_bytes()).await?;
        file.finish().await?;
    }
    say(&format!("stored and synced in {}", amounts::duration(begun.elapsed())))?;
    Ok(pieces)
}

fn shown_sources(root: &Path) -> String {
    root.join("*").display().to_string()
}

async fn result(stage: &Stage, directory: &str, afterwards: &str) -> Result<Counts, DemoError> {
    let output = stage.take(&["fs", "cat", &format!("{directory}/part-*")], afterwards).await?;
    Ok(count::parse(&output)?)
}

fn check(counts: &Counts, expected: &Counts) -> Result<(), DemoError> {
    count::compare(counts, expected)?;
    let words: u64 = expected.values().sum();
    say(&format!(
        "right: {} words, {} different ones, each counted as often as a plain count in one process says",
        amounts::count(words),
        amounts::count(expected.len() as u64)
    ))
}
