//! `skep sql`: scripts and the shell of HiveQL, with the words of Hive's own clients.

use super::{size::parse_bytes, submit::parse_setting};
use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, ValueEnum, builder::ValueParser,
};
use std::path::{Path, PathBuf};

const SQL_EXAMPLE: &str = "\
Examples:
  skep sql                                           a shell; \\help says what it knows
  skep sql -e 'SELECT count(*) FROM logs'
  skep sql -f report.hql --hivevar day=2026-01-31 --format csv2 > report.csv
  skep sql --local -e 'SELECT 1'                     in this process, without a cluster

-e and -f may be repeated and mixed; they run in the order given. `-f -` is standard input, and so is no script at all where
standard input is not a terminal. A script stops at its first error, unless --continue-on-error or `set
hive.cli.errors.ignore=true` says otherwise; then the exit code is 1 at its end. With -v each statement is shown before it runs.
Ctrl-C cancels the running query.";

#[derive(Debug, Args)]
#[command(after_help = SQL_EXAMPLE)]
pub struct SqlArgs {
    #[command(flatten)]
    pub scripts: Scripts,
    /// Run this script first, before the shell too
    #[arg(short, long, value_name = "FILE")]
    pub init: Option<PathBuf>,
    /// The database to use first
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
    /// A setting, as SET says it; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_setting)]
    pub hiveconf: Vec<(String, String)>,
    /// What ${NAME} stands for in scripts; may be repeated
    #[arg(short = 'd', long, visible_alias = "define", value_name = "NAME=VALUE", value_parser = parse_setting)]
    pub hivevar: Vec<(String, String)>,
    /// Form of the rows [default: table on a terminal, else tsv2]
    #[arg(long, value_enum, value_name = "FORM")]
    pub format: Option<Format>,
    /// Names of the columns above the rows: true or false [default: true for table; else what hive.cli.print.header says]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub header: Option<bool>,
    /// Only rows and errors: no times, notes and progress
    #[arg(short = 'S', long)]
    pub silent: bool,
    /// Go on after a statement that failed; the exit code is 1 all the same
    #[arg(long)]
    pub continue_on_error: bool,
    /// Run queries in this process, without a cluster
    #[arg(long)]
    pub local: bool,
    /// Directory of the tables of --local [default: skep/warehouse in $XDG_DATA_HOME or ~/.local/share]
    #[arg(long, value_name = "DIR", requires = "local")]
    pub warehouse: Option<PathBuf>,
    /// Memory for the queries of --local, for example 4GiB [default: half of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes, requires = "local")]
    pub memory: Option<u64>,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns with lines between them, for people
    Table,
    /// Values between tabs, as they are
    Tsv2,
    /// Values between commas, quoted where they must be
    Csv2,
    /// One JSON object per row
    Json,
    /// One line per value
    Vertical,
}

/// Where a script comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptSource {
    Text(String),
    File(PathBuf),
    Input,
}

/// All -e and -f in the order in which they were given, which separate fields would lose.
#[derive(Debug, Clone, Default)]
pub struct Scripts(pub Vec<ScriptSource>);

const EXECUTE: &str = "execute";
const FILE: &str = "file";

impl Args for Scripts {
    fn augment_args(command: Command) -> Command {
        let execute = Arg::new(EXECUTE)
            .short('e')
            .long(EXECUTE)
            .value_name("SQL")
            .action(ArgAction::Append)
            // A statement may begin with a comment.
            .allow_hyphen_values(true)
            .help("Run these statements; may be repeated");
        let file = Arg::new(FILE)
            .short('f')
            .long(FILE)
            .value_name("FILE")
            .action(ArgAction::Append)
            .value_parser(ValueParser::path_buf())
            .help("Run the statements of a file, - for standard input; may be repeated");
        command.arg(execute).arg(file)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Scripts::augment_args(command)
    }
}

impl FromArgMatches for Scripts {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Scripts, Error> {
        let texts = matches.indices_of(EXECUTE).into_iter().flatten();
        let texts = texts.zip(matches.get_many::<String>(EXECUTE).into_iter().flatten());
        let files = matches.indices_of(FILE).into_iter().flatten();
        let files = files.zip(matches.get_many::<PathBuf>(FILE).into_iter().flatten());
        let mut all: Vec<(usize, ScriptSource)> = texts
            .map(|(place, text)| (place, ScriptSource::Text(text.clone())))
            .chain(files.map(|(place, file)| (place, named(file))))
            .collect();
        all.sort_by_key(|(place, _)| *place);
        Ok(Scripts(all.into_iter().map(|(_, source)| source).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Scripts::from_arg_matches(matches)?;
        Ok(())
    }
}

fn named(file: &Path) -> ScriptSource {
    if file.as_os_str() == "-" { ScriptSource::Input } else { ScriptSource::File(file.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser;

    fn sql(words: &[&str]) -> Result<SqlArgs, clap::Error> {
        let all = ["skep", "sql"].iter().chain(words);
        Ok(match Cli::try_parse_from(all)?.command {
            Command::Sql(args) => args,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn scripts_keep_the_order_in_which_they_were_given() {
        let args =
            sql(&["-f", "a.hql", "-e", "select 1", "--silent", "-f", "-", "-e", "-- x\nselect 2"]).unwrap();
        let text = |text: &str| ScriptSource::Text(text.to_owned());
        assert_eq!(
            args.scripts.0,
            [
                ScriptSource::File("a.hql".into()),
                text("select 1"),
                ScriptSource::Input,
                text("-- x\nselect 2")
            ]
        );
        assert!(args.silent && sql(&[]).unwrap().scripts.0.is_empty());
    }

    #[test]
    fn settings_and_variables_are_keys_and_values() {
        let args = sql(&["--hiveconf", "a=b=c", "--hivevar", "d=1", "--define", "e=2", "-d", "f=3"]).unwrap();
        assert_eq!(args.hiveconf, [("a".to_owned(), "b=c".to_owned())]);
        let variables = [("d", "1"), ("e", "2"), ("f", "3")];
        assert_eq!(args.hivevar, variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(sql(&["--hiveconf", "novalue"]).is_err());
    }

    #[test]
    fn a_header_is_wanted_or_not_or_left_to_the_settings() {
        assert_eq!(sql(&["--header", "false"]).unwrap().header, Some(false));
        assert_eq!(sql(&["--header", "-S"]).unwrap().header, Some(true));
        assert_eq!(sql(&[]).unwrap().header, None);
        assert!(sql(&["--header", "perhaps"]).is_err());
    }

    #[test]
    fn formats_are_known_by_name() {
        assert_eq!(sql(&["--format", "json"]).unwrap().format, Some(Format::Json));
        assert!(sql(&["--format", "xml"]).is_err());
    }

    #[test]
    fn what_is_said_of_a_warehouse_needs_local() {
        assert!(sql(&["--warehouse", "/w"]).is_err());
        assert!(sql(&["--memory", "1GiB"]).is_err());
        let args = sql(&["--local", "--warehouse", "/w", "--memory", "1GiB"]).unwrap();
        assert_eq!((args.local, args.warehouse, args.memory), (true, Some("/w".into()), Some(1 << 30)));
    }
}
