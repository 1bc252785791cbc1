//! Checks a sort: its output is in order, inside each file and from file to file, and has the records of its input.
//!
//! ```sh
//! teravalidate INPUT OUTPUT          # fails, and says where, if the output is not the sorted input
//! ```

use skep_jobs::prelude::*;

/// Checks what `terasort` made.
#[derive(clap::Parser)]
struct Args {
    /// What was sorted.
    input: String,
    /// The sorted files.
    output: String,
}

const KEY_BYTES: usize = 10;

/// Number of records, and the sum of their checksums: the same for the same records in any order.
type Summary = (u64, u64);

/// Where a piece of a file lies, with its first and last key.
type Edges = ((String, u64), (Vec<u8>, Vec<u8>));

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Input = 0,
    Output = 1,
}

fn checksum(record: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, record)
}

fn summary(records: &Dataset<Vec<u8>>, side: Side) -> Dataset<(u8, Summary)> {
    records.fold_pieces(
        |_| (0u64, 0u64),
        |held: &mut Summary, record, _| *held = (held.0 + 1, held.1.wrapping_add(checksum(record))),
        move |held, out: &mut Emitter<'_, (u8, Summary)>| out.emit((side as u8, held)),
    )
}

/// The same number of the same records on both sides.
fn compare_summaries(input: &Dataset<Vec<u8>>, output: &Dataset<Vec<u8>>) -> Dataset<String> {
    summary(input, Side::Input)
        .union(&summary(output, Side::Output))
        .reduce_by_key(|a, b| (a.0 + b.0, a.1.wrapping_add(b.1)))
        .map(|(side, summary)| ((), (side, summary)))
        .reduce_groups::<String, _>(|(), sides, out| {
            let mut found = [(0, 0); 2];
            sides.for_each(|(side, summary)| found[usize::from(side)] = summary);
            let [(records_in, sum_in), (records_out, sum_out)] = found;
            if records_in != records_out {
                out.fail(format!("the input has {records_in} records, the output {records_out}"));
            } else if sum_in != sum_out {
                out.fail(format!("the {records_in} records of the output are not those of the input"));
            } else {
                out.emit(&format!("{records_out} records are in order, checksum {sum_out:016x}"));
            }
        })
}

/// Every piece in order by itself.
fn edges(output: &Dataset<Vec<u8>>) -> Dataset<Edges> {
    struct Piece {
        file: String,
        offset: u64,
        seen: u64,
        first: Vec<u8>,
        last: Vec<u8>,
    }
    output.fold_pieces(
        |piece| {
            let (file, offset) = (piece.file.clone(), piece.offset);
            Piece { file, offset, seen: 0, first: Vec::new(), last: Vec::new() }
        },
        |piece: &mut Piece, record, out| {
            let key = &record[..KEY_BYTES];
            if piece.seen == 0 {
                piece.first = key.to_vec();
            } else if *key < piece.last[..] {
                let at = piece.offset + piece.seen * record.len() as u64;
                out.fail(format!("{}: the record at byte {at} is less than the one before it", piece.file));
            }
            piece.seen += 1;
            piece.last.clear();
            piece.last.extend_from_slice(key);
        },
        |piece, out: &mut Emitter<'_, Edges>| {
            out.emit(((&piece.file, piece.offset), (&piece.first, &piece.last)));
        },
    )
}

/// Every piece begins where the piece before it ends, or later. The last key goes on.
fn check_edges(edges: &Dataset<Edges>) -> Dataset<String> {
    edges.sort_by_key().partitions(1).fold_pieces(
        |_| Vec::new(),
        |last: &mut Vec<u8>, ((file, offset), (first, own_last)), out: &mut Emitter<'_, String>| {
            if *first < last[..] {
                out.fail(format!("{file}: the record at byte {offset} is less than the last one before it"));
            }
            last.clear();
            last.extend_from_slice(own_last);
        },
        |_, _| {},
    )
}

fn main() -> std::process::ExitCode {
    skep_jobs::run("teravalidate", |plan: &Plan, args: &Args| {
        let input = plan.binary_records(100, &args.input);
        let output = plan.binary_records(100, &args.output);
        check_edges(&edges(&output)).union(&compare_summaries(&input, &output)).show("");
    })
}
