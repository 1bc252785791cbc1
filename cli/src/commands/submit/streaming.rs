//! Streaming commands: the plan is built here, and its tasks run in `skep task`.

use super::super::{Outcome, on_one_thread};
use crate::args::submit::StreamingArgs;
use skep_jobs::{
    draft,
    model::{Executable, Program, ShippedFile},
    streaming::StreamingJob,
    submit::{Session, SubmitEnvironment, SubmitError, session::conclude, store},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

#[derive(Debug, thiserror::Error)]
pub enum StreamingError {
    #[error("--file {}: it has no file name", path.display())]
    NoName { path: PathBuf },
    #[error("--file {} and --file {} would have the same name in the working directory", first.display(), second.display())]
    SameName { first: PathBuf, second: PathBuf },
}

pub fn run(environment: SubmitEnvironment, args: &StreamingArgs) -> Outcome {
    on_one_thread(async {
        let job = job(args);
        let session = Session::open(environment)?;
        let arguments = job.arguments()?;
        let program = StreamingJob::program(&arguments)?;
        let name = format!("streaming: {}", args.mapper.as_deref().unwrap_or_default());
        let planning = session.planning().await?;
        let draft =
            draft(name, &program, &planning).await.map_err(|error| SubmitError::Plan(error.into()))?;
        let files = ship(&session, &args.file).await?;
        let program = Program { executable: Executable::Skep, arguments, files };
        let ending = session.submit_and_watch(program, draft).await?;
        Ok(conclude(&ending, |_| Ok(())))
    })
}

fn job(args: &StreamingArgs) -> StreamingJob {
    StreamingJob {
        inputs: args.input.clone(),
        output: args.output.clone().unwrap_or_default(),
        mapper: args.mapper.clone().unwrap_or_default(),
        combiner: args.combiner.clone(),
        reducer: args.reducer.clone(),
        // As Hadoop's streaming without -reducer: the mapper's output is the result.
        reducers: if args.reducer.is_none() && args.reducers.is_none() { Some(0) } else { args.reducers },
        environment: args.cmdenv.iter().cloned().collect(),
    }
}

/// Stores the files by their hashes; each is laid into the working directory under its own name.
async fn ship(session: &Session, paths: &[PathBuf]) -> Result<Vec<ShippedFile>, super::super::Failure> {
    let mut files: Vec<(PathBuf, ShippedFile)> = Vec::with_capacity(paths.len());
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| StreamingError::NoName { path: path.clone() })?;
        if let Some((first, _)) = files.iter().find(|(_, file)| file.name == name) {
            return Err(StreamingError::SameName { first: first.clone(), second: path.clone() }.into());
        }
        let stored = store::store(&session.client, path, |_| {}).await?;
        let file = ShippedFile {
            name: name.to_owned(),
            sha256: stored.sha256,
            path: stored.path,
            executable: is_executable(path),
        };
        files.push((path.clone(), file));
    }
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_reducer_the_mappers_output_is_the_result() {
        let mut args = StreamingArgs { mapper: Some("cat".to_owned()), ..StreamingArgs::default() };
        let reducers = |args: &StreamingArgs| job(args).reducers;
        assert_eq!(reducers(&args), Some(0));
        args.reducers = Some(3);
        assert_eq!(reducers(&args), Some(3));
        args.reducer = Some("wc".to_owned());
        args.reducers = None;
        assert_eq!(reducers(&args), None);
    }
}
