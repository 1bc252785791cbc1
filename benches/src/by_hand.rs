//! The other side of the comparison: the same work as a program without any cluster, written by hand for one machine.

use hashbrown::HashMap;
use rayon::prelude::*;
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    os::unix::fs::FileExt,
    path::Path,
};

type Counts = HashMap<Vec<u8>, u64, foldhash::fast::RandomState>;

/// Bytes that one task reads and counts at a time.
const PIECE_BYTES: u64 = 8 << 20;
/// No word is longer.
const WORD_BYTES_MAX: u64 = 64 << 10;

/// Counts the words of `input` on all cores and writes `word<TAB>count` lines to `output`. Returns (words, distinct words).
pub fn wordcount(input: &Path, output: &Path) -> io::Result<(u64, usize)> {
    let file = File::open(input)?;
    let len_bytes = file.metadata()?.len();
    let pieces = len_bytes.div_ceil(PIECE_BYTES);
    let count = |mut counts: Counts, piece: u64| {
        let text = read_piece(&file, piece * PIECE_BYTES, len_bytes)?;
        for word in text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
            *counts.entry_ref(word).or_default() += 1;
        }
        Ok::<_, io::Error>(counts)
    };
    let total = (0..pieces).into_par_iter().try_fold(Counts::default, count).try_reduce(
        Counts::default,
        |left, right| {
            let (mut large, small) = if left.len() < right.len() { (right, left) } else { (left, right) };
            for (word, count) in small {
                *large.entry(word).or_default() += count;
            }
            Ok(large)
        },
    )?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(output)?);
    for (word, count) in &total {
        out.write_all(word)?;
        writeln!(out, "\t{count}")?;
    }
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok((total.values().sum(), total.len()))
}

/// The words that begin in the piece at `start`.
fn read_piece(file: &File, start: u64, len_bytes: u64) -> io::Result<Vec<u8>> {
    let from = start.saturating_sub(1);
    let end = (start + PIECE_BYTES).min(len_bytes);
    let mut text = vec![0; ((end + WORD_BYTES_MAX).min(len_bytes) - from) as usize];
    file.read_exact_at(&mut text, from)?;
    let white = |byte: &u8| byte.is_ascii_whitespace();
    // A word that began before belongs to the piece before; the last word may end after the piece.
    let skip = if start == 0 { 0 } else { text.iter().position(white).unwrap_or(text.len()) };
    let inside = (end - from) as usize - 1;
    let stop = text[inside..].iter().position(white).map_or(text.len(), |more| inside + more);
    text.truncate(stop);
    text.drain(..skip.min(stop));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_by_hand_counts_every_word_once() {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::write(&input, "a b a\nc\ta\n\nb").unwrap();
        assert_eq!(wordcount(&input, &output).unwrap(), (6, 3));
        let mut lines: Vec<String> =
            std::fs::read_to_string(&output).unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, ["a\t3", "b\t2", "c\t1"]);
    }

    #[test]
    fn words_at_the_edges_of_pieces_are_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        for shift in 0..4 {
            let text = "x".repeat(shift) + &" abc".repeat(3 * PIECE_BYTES as usize / 4);
            std::fs::write(&input, &text).unwrap();
            let words = text.split_ascii_whitespace().count() as u64;
            assert_eq!(wordcount(&input, &output).unwrap().0, words, "shifted by {shift}");
        }
    }
}
