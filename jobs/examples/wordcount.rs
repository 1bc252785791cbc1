//! Counts words: the main job.
//!
//! ```sh
//! wordcount INPUT OUTPUT          # lines `word<TAB>count`, sorted inside each file
//! ```

use skep_jobs::prelude::*;

/// Counts how often each word occurs.
#[derive(clap::Parser)]
struct Args {
    /// A file, a directory or a glob.
    input: String,
    /// A directory that does not exist yet.
    output: String,
}

fn main() -> std::process::ExitCode {
    skep_jobs::run("wordcount", |plan: &Plan, args: &Args| {
        plan.text_file(&args.input)
            .flat_map::<(String, u64), _>(|line, out| {
                for word in line.split_ascii_whitespace() {
                    out.emit((word, 1));
                }
            })
            .reduce_by_key(|a, b| a + b)
            .save_text(&args.output);
    })
}
