//! `docs/reference.md`: every command, flag, default and setting, made from the command line and the table of settings
//! themselves, so that it cannot be wrong for long.

use super::Cli;
use clap::{Arg, Command, CommandFactory};
use skep_jobs::conf::SETTINGS;
use std::{fmt::Write, path::Path};

fn render() -> String {
    let mut text = "# Reference\n\nMade from the program itself by `SKEP_UPDATE=1 cargo test -p skep reference`; a test fails when it \
                    is out of date. `skep fs` has the commands and flags of `hdfs dfs`: see `skep fs -help`.\n"
        .to_owned();
    let mut skep = Cli::command();
    skep.build();
    text.push_str("\n## Options of every command\n\n");
    table(&mut text, skep.get_arguments().filter(|arg| arg.is_global_set()));
    for command in skep.get_subcommands().filter(|command| !command.is_hide_set()) {
        describe(&mut text, "skep", command);
    }
    text.push_str("\n## Settings of jobs\n\n`skep submit --conf KEY=VALUE`. Keys that begin with `user.` are passed to the job's code.\n\n");
    text.push_str("| key | value | default | |\n| --- | --- | --- | --- |\n");
    for setting in SETTINGS {
        let default =
            if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
        let _ =
            writeln!(text, "| `{}` | {} | {default} | {} |", setting.key, setting.kind, cell(setting.doc));
    }
    text
}

fn describe(text: &mut String, parent: &str, command: &Command) {
    if command.get_name() == "help" {
        return;
    }
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(text, "\n## `{name}`\n\n{about}.\n");
    table(text, command.get_arguments().filter(|arg| !arg.is_global_set()));
    for below in command.get_subcommands() {
        describe(text, &name, below);
    }
}

fn table<'a>(text: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    let shown =
        arguments.filter(|arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str()));
    let shown: Vec<&Arg> = shown.collect();
    if shown.is_empty() {
        return;
    }
    text.push_str("| option | default | |\n| --- | --- | --- |\n");
    for arg in shown {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let (help, told) = match help.split_once(" [default: ") {
            Some((before, after)) => (before.to_owned(), after.trim_end_matches(']').to_owned()),
            None => (help, String::new()),
        };
        let defaults: Vec<String> =
            arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
        let takes_value = arg.get_action().takes_values();
        let default = if !told.is_empty() {
            told
        } else if takes_value {
            defaults.join(" ")
        } else {
            String::new()
        };
        let _ = writeln!(text, "| `{}` | {} | {} |", spelled(arg, takes_value), cell(&default), cell(&help));
    }
}

fn spelled(arg: &Arg, takes_value: bool) -> String {
    let value = arg
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ");
    let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    match arg.get_long() {
        Some(long) if takes_value => format!("{short}--{long} {value}"),
        Some(long) => format!("{short}--{long}"),
        None => value,
    }
}

/// One line, and no bars that would end a cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[test]
fn the_reference_says_what_the_program_does() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference.md");
    let text = render();
    if std::env::var_os("SKEP_UPDATE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == text, "docs/reference.md is out of date: SKEP_UPDATE=1 cargo test -p skep reference");
}
