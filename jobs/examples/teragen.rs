//! Makes the input of a sort: records of 100 bytes, each with a random key of 10 bytes, its row number, and filling.
//!
//! ```text
//! 10 bytes key | 2 bytes 00 11 | 32 bytes row number, hexadecimal | 4 bytes 88 99 AA BB | 48 bytes filling | 4 bytes CC DD EE FF
//! ```
//! The same row is the same record wherever and whenever it is made.

use rand::{RngCore, SeedableRng, rngs::SmallRng};
use skep_jobs::prelude::*;

/// Makes records to sort.
#[derive(clap::Parser)]
struct Args {
    /// Number of records, 100 bytes each.
    records: u64,
    /// A directory that does not exist yet.
    output: String,
}

fn record(row: u64) -> [u8; 100] {
    let mut random = SmallRng::seed_from_u64(row);
    let mut record = [0; 100];
    random.fill_bytes(&mut record[..10]);
    record[10..12].copy_from_slice(&[0x00, 0x11]);
    for (place, digit) in record[12..44].iter_mut().rev().enumerate() {
        *digit = b"0123456789ABCDEF"[(row.checked_shr(4 * place as u32).unwrap_or(0) & 15) as usize];
    }
    record[44..48].copy_from_slice(&[0x88, 0x99, 0xaa, 0xbb]);
    for part in record[48..96].chunks_mut(4) {
        part.fill(b'A' + (random.next_u32() % 26) as u8);
    }
    record[96..].copy_from_slice(&[0xcc, 0xdd, 0xee, 0xff]);
    record
}

fn main() -> std::process::ExitCode {
    skep_jobs::run("teragen", |plan: &Plan, args: &Args| {
        plan.range(0..args.records)
            .flat_map::<Vec<u8>, _>(|row, out| out.emit(&record(row)))
            .save_records(&args.output);
    })
}
