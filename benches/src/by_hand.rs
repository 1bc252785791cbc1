//! The other side of the comparison: the same work as a program without any cluster, written by hand for one machine.

use hashbrown::HashMap;
use rayon::prelude::*;
use std::{
    fs, io,
    io::{BufWriter, Write},
    path::Path,
};

type Counts<'a> = HashMap<&'a [u8], u64, foldhash::fast::RandomState>;

/// Counts the words of the files in `input` on all cores and writes `word<TAB>count` lines to `output`.
/// Returns (words, distinct words).
pub fn wordcount(input: &[&Path], output: &Path) -> io::Result<(u64, usize)> {
    let texts = input.iter().map(fs::read).collect::<io::Result<Vec<_>>>()?;
    let pieces: Vec<&[u8]> =
        texts.iter().flat_map(|text| cut(text, rayon::current_num_threads() * 4)).collect();
    let total = pieces.into_par_iter().map(count).reduce(Counts::default, merge);
    let mut out = BufWriter::with_capacity(1 << 20, fs::File::create(output)?);
    for (word, count) in &total {
        out.write_all(word)?;
        writeln!(out, "\t{count}")?;
    }
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok((total.values().sum(), total.len()))
}

/// About `pieces` pieces that end at line ends.
fn cut(text: &[u8], pieces: usize) -> Vec<&[u8]> {
    let mut rest = text;
    let size = text.len() / pieces + 1;
    let mut cuts = Vec::with_capacity(pieces);
    while !rest.is_empty() {
        let at = size.min(rest.len());
        let end = rest[at..].iter().position(|byte| *byte == b'\n').map_or(rest.len(), |more| at + more + 1);
        let (piece, after) = rest.split_at(end);
        cuts.push(piece);
        rest = after;
    }
    cuts
}

fn count(text: &[u8]) -> Counts<'_> {
    let mut counts = Counts::default();
    for word in text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        *counts.entry(word).or_default() += 1;
    }
    counts
}

fn merge<'a>(mut left: Counts<'a>, right: Counts<'a>) -> Counts<'a> {
    for (word, count) in right {
        *left.entry(word).or_default() += count;
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_by_hand_counts_every_word_once() {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        fs::write(&input, "a b a\nc\ta\n\nb").unwrap();
        assert_eq!(wordcount(&[&input], &output).unwrap(), (6, 3));
        let mut lines: Vec<String> =
            fs::read_to_string(&output).unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, ["a\t3", "b\t2", "c\t1"]);
    }
}
