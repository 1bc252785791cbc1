//! Text as people write it, as far as counting words can tell: words by Zipf's law, lines of about 100 bytes.

use rand::{Rng, SeedableRng, rngs::SmallRng};
use rand_distr::{Distribution, Zipf};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

const WORDS: usize = 200_000;
const EXPONENT: f64 = 1.05;
const LINE_BYTES: usize = 100;

/// Writes about `bytes` bytes of text; the same every time.
pub fn write(path: &Path, bytes: u64) -> io::Result<()> {
    let mut rng = SmallRng::seed_from_u64(7);
    let words = vocabulary(&mut rng);
    let zipf = Zipf::new(WORDS as f64, EXPONENT).map_err(io::Error::other)?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let (mut written, mut column) = (0, 0);
    while written < bytes {
        let word = &words[zipf.sample(&mut rng) as usize - 1];
        out.write_all(word.as_bytes())?;
        written += word.len() as u64 + 1;
        column += word.len() + 1;
        let ends = column > LINE_BYTES;
        out.write_all(if ends { b"\n" } else { b" " })?;
        if ends {
            column = 0;
        }
    }
    out.flush()
}

/// Frequent words are short.
fn vocabulary(rng: &mut SmallRng) -> Vec<String> {
    let word = |index: usize| {
        let digits = index.checked_ilog10().unwrap_or(0) as usize;
        let letters = 3 + rng.random_range(0..8).min(1 + digits * 2);
        let letters: String = (0..letters).map(|_| rng.random_range(b'a'..=b'z') as char).collect();
        format!("{letters}{index:x}")
    };
    (0..WORDS).map(word).collect()
}
