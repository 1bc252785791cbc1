//! The `main` of a job binary. The same program is a client, a task process, or a run on local threads: the environment in
//! which it was started decides.
//!
//! ```text
//! SKEP_TASK_SOCKET set   a worker started it: rebuild the plan, run tasks
//! SKEP_SUBMIT set        `skep submit` started it: compile the plan, store itself, submit, watch
//! neither                run everything on threads of this process
//! ```

use crate::{
    conf,
    local::{self, LocalOptions, Report},
    model::{JobConf, JobView},
    plan::{
        Plan,
        compile::{self, CompileError},
        program::PlanProgram,
        results,
    },
    submit::{self, Draft, Planning, SubmitEnvironment, report},
    task,
    task_program::BuildError,
};
use clap::Parser;
use skep_hdfs::stores::Stores;
use std::{
    error::Error,
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::Arc,
    thread::available_parallelism,
};

/// Runs the job that `build` makes of its arguments. `build` must depend on nothing else: it is called again on every
/// machine that runs tasks of the job, and has to add the same operators in the same order.
pub fn run<A: Parser>(name: &str, build: impl Fn(&Plan, &A) + Send + Sync + 'static) -> ExitCode {
    if task::is_task_process() {
        return task::run(&|arguments| Ok(Arc::new(program(name, &build, arguments)?)));
    }
    let arguments: Vec<String> = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => return report::failed(&error),
    };
    // Wrong arguments and `--help` are answered here, in clap's way, whoever started the program.
    let parsed = A::parse_from(std::iter::once(name.to_owned()).chain(arguments.iter().cloned()));
    match submit::from_environment() {
        Err(error) => report::failed(&error),
        Ok(Some(environment)) => match build_plan(&build, &parsed) {
            Ok(program) => submit_program(name, environment, arguments, program),
            Err(error) => report::failed(&error),
        },
        Ok(None) => match build_plan(&build, &parsed) {
            Ok(program) => run_here(&program),
            Err(error) => report::failed(&error),
        },
    }
}

/// Builds the program of a job from its arguments, without its own name: what a task process does.
pub fn program<A: Parser>(
    name: &str,
    build: &impl Fn(&Plan, &A),
    arguments: &[String],
) -> Result<PlanProgram, BuildError> {
    let words = std::iter::once(name.to_owned()).chain(arguments.iter().cloned());
    let parsed = A::try_parse_from(words).map_err(|error| BuildError::Arguments(error.to_string()))?;
    build_plan(build, &parsed)
}

fn build_plan<A>(build: &impl Fn(&Plan, &A), arguments: &A) -> Result<PlanProgram, BuildError> {
    let plan = Plan::new();
    // Nothing of the plan is used after a panic.
    catch_unwind(AssertUnwindSafe(|| build(&plan, arguments))).map_err(|payload| {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        BuildError::Panicked(text.or_else(|| payload.downcast_ref().cloned()).unwrap_or_default())
    })?;
    PlanProgram::new(&plan)
}

fn arguments() -> Result<Vec<String>, BuildError> {
    std::env::args_os()
        .skip(1)
        .map(|word| {
            word.into_string()
                .map_err(|word| BuildError::Arguments(format!("{} is not UTF-8", word.display())))
        })
        .collect()
}

fn submit_program(
    name: &str,
    environment: SubmitEnvironment,
    arguments: Vec<String>,
    program: PlanProgram,
) -> ExitCode {
    let name = name.to_owned();
    let draft =
        |planning: Planning| async move { draft(name, &program, &planning).await.map_err(Into::into) };
    submit::run(environment, arguments, draft, print_results)
}

/// Compiles a program for a cluster.
pub async fn draft(name: String, program: &PlanProgram, planning: &Planning) -> Result<Draft, CompileError> {
    let mut conf = JobConf::default();
    for (key, value) in &planning.environment.conf {
        conf::set(&mut conf, key, value)?;
    }
    let compiled = compile::compile(program, &planning.stores, &conf, planning.slots).await?;
    Ok(Draft { name, conf, stages: compiled.stages, finish: compiled.finish })
}

/// Prints what a job handed back.
pub fn print_results(view: &JobView) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for item in results::decode(&view.results) {
        item.write(&mut out)?;
    }
    out.flush()
}

fn run_here(program: &PlanProgram) -> ExitCode {
    let ran = run_on_threads(program);
    match ran {
        Ok(()) => ExitCode::from(report::EXIT_SUCCESS),
        Err(error) => report::failed(&*error),
    }
}

fn run_on_threads(program: &PlanProgram) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let threads = available_parallelism().map_or(2, usize::from);
    let stores = Stores::local();
    let conf = JobConf::default();
    let compiled = runtime.block_on(compile::compile(program, &stores, &conf, threads as u32))?;
    let options = LocalOptions { threads, conf, stores, runtime: runtime.handle().clone() };
    let ended = local::run(program, &compiled, &options, &mut Report::on_stderr())?;
    ended.print()?;
    Ok(())
}
