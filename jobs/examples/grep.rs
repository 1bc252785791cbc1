//! Finds what matches a regular expression, and counts it: the most frequent matches come first.
//!
//! ```sh
//! grep 'error: [a-z ]+' INPUT OUTPUT          # lines `count<TAB>match`
//! ```

use regex::Regex;
use skep_jobs::prelude::*;

/// Counts the matches of a regular expression.
#[derive(clap::Parser)]
struct Args {
    pattern: Regex,
    /// A file, a directory or a glob.
    input: String,
    /// A directory that does not exist yet.
    output: String,
}

fn main() -> std::process::ExitCode {
    skep_jobs::run("grep", |plan: &Plan, args: &Args| {
        let pattern = args.pattern.clone();
        let lines = plan.counter("lines that match");
        plan.text_file(&args.input)
            .flat_map::<(String, u64), _>(move |line, out| {
                let mut found = false;
                for part in pattern.find_iter(line) {
                    found = true;
                    out.emit((part.as_str(), 1));
                }
                lines.add(u64::from(found));
            })
            .reduce_by_key(|a, b| a + b)
            .flat_map::<((Reverse<u64>, String), ()), _>(|(part, count), out| {
                out.emit(((Reverse(count), part), ()));
            })
            .sort_by_key()
            .keys()
            .save_text(&args.output);
    })
}
