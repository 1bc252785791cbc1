//! Sorts records of 100 bytes by their first 10: the files, one after the other, are in order.
//!
//! ```sh
//! terasort INPUT OUTPUT
//! ```

use skep_jobs::prelude::*;

/// Sorts records that `teragen` made.
#[derive(clap::Parser)]
struct Args {
    /// A file, a directory or a glob.
    input: String,
    /// A directory that does not exist yet.
    output: String,
}

fn main() -> std::process::ExitCode {
    skep_jobs::run("terasort", |plan: &Plan, args: &Args| {
        plan.binary_records(100, &args.input)
            .flat_map::<(Vec<u8>, Vec<u8>), _>(|record, out| out.emit((&record[..10], &record[10..])))
            .sort_by_key()
            .flat_map::<Vec<u8>, _>(|(key, rest), out| {
                let mut record = [0; 100];
                record[..10].copy_from_slice(key);
                record[10..].copy_from_slice(rest);
                out.emit(&record);
            })
            .save_records(&args.output);
    })
}
