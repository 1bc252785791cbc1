//! One attempt: its plan, its inputs, its runtime, its end.

use super::{
    alone::{self, Part},
    answer::{Answer, Overflow},
    fault::{FirstFault, TaskFault},
    functions,
    handover::ShuffleOut,
    inputs::{Fetch, Input, TaskInputs},
    io::HostStores,
    memory::{self, Shares},
    progress,
};
use crate::{
    script::ScriptPlace,
    stages::{
        Handover, Inputs,
        fragments::{Fragments, Machine, OpenFragment},
        spec,
    },
    write::TaskAttempt,
};
use datafusion::{
    config::ConfigOptions,
    execution::{SendableRecordBatchStream, TaskContext as QueryContext, config::SessionConfig},
    physical_plan::{ExecutionPlan, ExecutionPlanProperties},
};
use futures::TryStreamExt;
use skep_jobs::{
    model::{Done, StageInput},
    protocol::worker::{Launch, LaunchInput},
    task_program::{PublishedOutput, TaskContext},
};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

/// How often a running attempt looks whether it was told to stop, and says how far it is.
const TICK: Duration = Duration::from_millis(50);
/// How long it waits for what it started on other threads, at its end.
const LINGER: Duration = Duration::from_secs(5);

pub(super) fn run(fragments: &Fragments, launch: &Launch, context: &TaskContext) -> Result<Done, TaskFault> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(TaskFault::Runtime)?;
    let attempt = Attempt { fragments, launch, context, fault: FirstFault::default() };
    let ended = runtime.block_on(attempt.run());
    runtime.shutdown_timeout(LINGER);
    let end = ended.map_err(|fault| attempt.fault.take().map_or(fault, TaskFault::Shuffle))?;
    attempt.conclude(end)
}

/// What the rows became.
enum End {
    Answer(Vec<u8>),
    Shuffle(skep_jobs::shuffle::ShuffleOutput),
}

struct Attempt<'a> {
    fragments: &'a Fragments,
    launch: &'a Launch,
    context: &'a TaskContext,
    fault: FirstFault,
}

impl Attempt<'_> {
    async fn run(&self) -> Result<End, TaskFault> {
        let host = Arc::new(HostStores::new(
            self.context.stores.clone(),
            self.context.runtime.clone(),
            Arc::clone(&self.context.progress),
        ));
        let shares =
            Shares::of(self.context.memory_bytes, self.launch.inputs.len(), self.launch.partitions > 0);
        let mut options = self.fragments.options();
        memory::adjust(&mut options, shares);
        let config = SessionConfig::from(options);
        let environment = memory::environment(shares, &self.context.scratch)?;
        let name = self.launch.attempt.to_string();
        let bare = functions::context(&name, config.clone(), Arc::clone(&environment));
        let stage = self.launch.attempt.stage.0 as usize;
        let place = ScriptPlace {
            scratch: Some(self.context.scratch.clone()),
            shipped: Some(self.context.work.clone()),
        };
        let machine = Machine { stores: Arc::clone(&host) as _, scripts: place.clone() };
        let fragment = self.fragments.open(stage, &self.launch.payload, machine, &bare)?;
        let inputs: Inputs = Inputs(Arc::new(self.inputs(&fragment.plan, shares)?));
        let id = &self.launch.attempt;
        // Attempts are counted anew in each round.
        let number = id.round.0 << 16 | id.attempt.0;
        let attempt = TaskAttempt { task: id.part.0, attempt: number };
        let part = self.part(&fragment, config.options())?;
        let config = config
            .with_extension(Arc::new(inputs))
            .with_extension(Arc::new(attempt))
            .with_extension(Arc::new(place));
        let query = Arc::new(bare.with_session_config(config));
        tokio::select! {
            end = self.drive(&fragment, &part, query, &host, shares) => end,
            () = self.watch(&part.plan) => Err(TaskFault::Cancelled),
        }
    }

    fn part(&self, fragment: &OpenFragment, options: &ConfigOptions) -> Result<Part, TaskFault> {
        let part = self.launch.attempt.part.0 as usize;
        let tasks = fragment.plan.output_partitioning().partition_count();
        if part >= tasks {
            return Err(TaskFault::Unfit(format!("the stage has {tasks} tasks, this is number {part}")));
        }
        Ok(alone::with_filters(Arc::clone(&fragment.plan), part, options)?)
    }

    /// The launch brings the inputs in the order in which the stage's spec names them.
    fn inputs(&self, plan: &Arc<dyn ExecutionPlan>, shares: Shares) -> Result<TaskInputs, TaskFault> {
        let named = spec::inputs(plan);
        if named.len() != self.launch.inputs.len() {
            let what = format!("{} inputs instead of {}", self.launch.inputs.len(), named.len());
            return Err(TaskFault::Unfit(what));
        }
        let part = self.launch.attempt.part.0;
        let input = |(named, launched): (StageInput, &LaunchInput)| {
            let (stage, partition) = match named {
                StageInput::Shuffle(stage) => (stage, part),
                StageInput::Replicated(stage) | StageInput::Broadcast(stage) => (stage, 0),
            };
            let LaunchInput::Shuffle { pieces, holders } = launched else {
                return Err(TaskFault::Unfit(format!("the input of stage {stage} is no shuffle")));
            };
            let (pieces, holders) = (pieces.clone(), holders.clone());
            Ok(Arc::new(Input { stage: stage.0 as usize, partition, pieces, holders }))
        };
        let inputs = named.into_iter().zip(&self.launch.inputs).map(input).collect::<Result<_, _>>()?;
        let fetch = Fetch {
            shuffle: Arc::clone(&self.context.shuffle),
            progress: Arc::clone(&self.context.progress),
            cancel: self.context.cancel.clone(),
            scratch: self.context.scratch.clone(),
            memory_bytes: shares.input,
            fault: self.fault.clone(),
        };
        Ok(TaskInputs { inputs, task: part as usize, fetch })
    }

    /// Ends when the attempt shall stop.
    async fn watch(&self, plan: &Arc<dyn ExecutionPlan>) {
        let mut ticks = tokio::time::interval(TICK);
        while !self.context.cancel.is_raised() {
            ticks.tick().await;
            progress::report(plan, &self.context.progress);
        }
    }

    async fn drive(
        &self,
        fragment: &OpenFragment,
        part: &Part,
        query: Arc<QueryContext>,
        host: &HostStores,
        shares: Shares,
    ) -> Result<End, TaskFault> {
        let batch_rows = query.session_config().batch_size();
        let rows = part.plan.execute(part.partition, query)?;
        let end = match &fragment.handover {
            Handover::Result => {
                let tasks = fragment.plan.output_partitioning().partition_count();
                self.answer(rows, self.overflow(host, tasks)?).await?
            }
            handover => {
                let out = ShuffleOut::new(
                    handover,
                    self.launch.attempt.part.0 as usize,
                    fragment.plan.schema(),
                    self.launch.partitions,
                    batch_rows,
                    shares.output,
                    &self.context.scratch,
                )?;
                self.hand_over(rows, out).await?
            }
        };
        progress::report(&part.plan, &self.context.progress);
        Ok(end)
    }

    fn overflow(&self, host: &HostStores, tasks: usize) -> Result<Option<Overflow>, TaskFault> {
        let Some(directory) = self.fragments.results() else { return Ok(None) };
        // Each attempt has a file of its own; the client reads those of the attempts that won.
        let text = format!("{directory}/{}", self.launch.attempt.file_stem());
        let place = self.context.stores.resolve(&text).map_err(|error| TaskFault::Answer {
            directory: directory.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Some(Overflow {
            store: host.on_host(place.store),
            path: place.path,
            text,
            inline_bytes: Overflow::share(tasks),
        }))
    }

    async fn answer(
        &self,
        mut rows: SendableRecordBatchStream,
        overflow: Option<Overflow>,
    ) -> Result<End, TaskFault> {
        let mut answer = Answer::new(&rows.schema(), overflow)?;
        while let Some(batch) = rows.try_next().await? {
            self.context.progress.output_records.fetch_add(batch.num_rows() as u64, Relaxed);
            answer.push(&batch).await?;
        }
        let encoded = skep_wire::codec::encode(&answer.finish().await?);
        self.context.progress.output_bytes.fetch_add(encoded.len() as u64, Relaxed);
        Ok(End::Answer(encoded))
    }

    async fn hand_over(
        &self,
        mut rows: SendableRecordBatchStream,
        mut out: ShuffleOut,
    ) -> Result<End, TaskFault> {
        while let Some(batch) = rows.try_next().await? {
            self.context.progress.output_records.fetch_add(batch.num_rows() as u64, Relaxed);
            out.push(batch)?;
        }
        Ok(End::Shuffle(out.finish()?))
    }

    /// Blocks: the output goes to whoever keeps it.
    fn conclude(&self, end: End) -> Result<Done, TaskFault> {
        let progress = &self.context.progress;
        let mut done = Done::default();
        match end {
            End::Answer(result) => done.result = result,
            End::Shuffle(output) => {
                let bytes: u64 = output.segments.iter().map(|segment| segment.len_bytes).sum();
                progress.output_bytes.fetch_add(bytes, Relaxed);
                progress.spilled_bytes.fetch_add(output.spilled_bytes, Relaxed);
                done.segments = output.segments.clone();
                done.holder = self.context.shuffle.publish(PublishedOutput {
                    attempt: self.launch.attempt,
                    segments: output.segments,
                    data: output.data.into(),
                    deliver_to: &self.launch.deliver_to,
                    moved_bytes: &progress.shuffled_bytes,
                })?;
            }
        }
        done.counters = progress.counters();
        done.input_records = progress.input_records.load(Relaxed);
        done.output_records = progress.output_records.load(Relaxed);
        done.input_bytes = progress.input_bytes.load(Relaxed);
        done.output_bytes = progress.output_bytes.load(Relaxed);
        done.spilled_bytes = progress.spilled_bytes.load(Relaxed);
        Ok(done)
    }
}
