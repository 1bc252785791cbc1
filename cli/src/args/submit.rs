//! `skep submit`: a job binary, or commands for Hadoop Streaming's contract.

use clap::Args;
use std::{ffi::OsString, path::PathBuf};

const SUBMIT_EXAMPLE: &str = "\
Examples:
  skep submit target/release/examples/wordcount /books /counts
  skep submit --detach --name nightly --conf task.memory=1GiB ./nightly --day 2026-01-31
  skep submit --mapper 'python3 map.py' --reducer 'python3 reduce.py' --reducers 4 \\
              --file map.py --file reduce.py --input '/logs/*.gz' --output /report

A job binary is a Rust program that links skep-jobs; it is stored in the cluster once and runs on every worker. Any
other executable can be a --mapper, --combiner or --reducer: it reads lines and writes KEY<TAB>VALUE lines.
Ctrl-C kills the job; --detach is for jobs that should live on.";

#[derive(Debug, Args)]
#[command(after_help = SUBMIT_EXAMPLE)]
pub struct SubmitArgs {
    /// Return when the job is accepted, and print its id
    #[arg(long)]
    pub detach: bool,
    /// Name of the job [default: its own]
    #[arg(long)]
    pub name: Option<String>,
    /// A setting of the job; may be repeated
    #[arg(long, short = 'D', value_name = "KEY=VALUE", value_parser = parse_setting)]
    pub conf: Vec<(String, String)>,
    #[command(flatten)]
    pub streaming: StreamingArgs,
    /// The job binary and its arguments
    #[arg(
        value_name = "BINARY [ARGS]",
        trailing_var_arg = true,
        required_unless_present = "mapper",
        conflicts_with = "StreamingArgs"
    )]
    pub program: Vec<OsString>,
}

#[derive(Debug, Clone, Default, Args)]
#[group(id = "StreamingArgs", multiple = true)]
pub struct StreamingArgs {
    /// Command that maps lines
    #[arg(long, value_name = "COMMAND", requires_all = ["input", "output"], help_heading = "Streaming")]
    pub mapper: Option<String>,
    /// Command that combines lines of one key on the mapper's side
    #[arg(long, value_name = "COMMAND", requires = "mapper", help_heading = "Streaming")]
    pub combiner: Option<String>,
    /// Command that reduces sorted lines; none or NONE: the mappers' output is the result
    #[arg(long, value_name = "COMMAND", requires = "mapper", help_heading = "Streaming")]
    pub reducer: Option<String>,
    /// Reduce tasks, and so output files
    #[arg(long, value_name = "N", requires = "mapper", help_heading = "Streaming")]
    pub reducers: Option<u32>,
    /// A file that the commands find in their working directory; may be repeated
    #[arg(long, value_name = "FILE", requires = "mapper", help_heading = "Streaming")]
    pub file: Vec<PathBuf>,
    /// Input: a file, a directory or a glob; may be repeated
    #[arg(long, value_name = "GLOB", requires = "mapper", help_heading = "Streaming")]
    pub input: Vec<String>,
    /// Output directory; must not exist
    #[arg(long, value_name = "DIR", requires = "mapper", help_heading = "Streaming")]
    pub output: Option<String>,
    /// A variable in the environment of the commands; may be repeated
    #[arg(
        long,
        value_name = "KEY=VALUE",
        value_parser = parse_setting,
        requires = "mapper",
        help_heading = "Streaming"
    )]
    pub cmdenv: Vec<(String, String)>,
}

pub(super) fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not KEY=VALUE")),
    }
}

#[cfg(test)]
mod tests {
    use crate::args::{Cli, Command};
    use clap::Parser;

    fn submit(words: &[&str]) -> Result<super::SubmitArgs, clap::Error> {
        let all = ["skep", "submit"].iter().chain(words);
        Ok(match Cli::try_parse_from(all)?.command {
            Command::Submit(args) => args,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn everything_after_the_binary_is_its_own() {
        let args =
            submit(&["--name", "n", "./job", "--name", "x", "-D", "--detach", "--master", "m"]).unwrap();
        assert_eq!(args.name.as_deref(), Some("n"));
        assert_eq!(args.program, ["./job", "--name", "x", "-D", "--detach", "--master", "m"]);
        assert!(!args.detach && args.conf.is_empty());
    }

    #[test]
    fn an_unknown_option_before_the_binary_is_an_error() {
        assert!(submit(&["--conff", "a=b", "./job"]).is_err());
        assert!(submit(&["-x", "./job"]).is_err());
    }

    #[test]
    fn settings_are_split_at_the_first_equals_sign() {
        let args = submit(&["--conf", "a=b=c", "-D", "k=", "./job"]).unwrap();
        assert_eq!(args.conf, [("a".to_owned(), "b=c".to_owned()), ("k".to_owned(), String::new())]);
        assert!(submit(&["--conf", "novalue", "./job"]).is_err());
    }

    #[test]
    fn streaming_needs_input_and_output_and_no_binary() {
        assert!(submit(&["--mapper", "cat", "--input", "/a", "--input", "/b", "--output", "/c"]).is_ok());
        assert!(submit(&["--mapper", "cat", "--input", "/a"]).is_err());
        assert!(submit(&["--mapper", "cat", "--output", "/a"]).is_err());
        assert!(submit(&["--reducer", "cat", "--input", "/a", "--output", "/c"]).is_err());
        assert!(submit(&["--mapper", "cat", "--input", "/a", "--output", "/c", "./job"]).is_err());
        assert!(submit(&[]).is_err());
    }
}
