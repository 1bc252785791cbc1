//! `cat`, `text`, `head`, `tail`, `checksum`: what is in a file.

use super::{
    error::FsError,
    list::must_be_file,
    shell::Shell,
    storage::{Contents, Found, local},
};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures::{StreamExt, TryStreamExt};
use std::{
    io::{self, Cursor, Read},
    time::Duration,
};
use tokio::sync::mpsc;

/// `head` and `tail` show this much.
const END_BYTES: u64 = 1024;
/// How often `tail -f` looks for more.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Compressed pieces that wait to be unpacked.
const PIECES_AHEAD: usize = 4;

pub async fn cat(shell: &Shell) -> Result<(), FsError> {
    shell
        .each(&shell.words.paths, async |found| {
            must_be_file(&found)?;
            print_range(shell, &found, 0, u64::MAX).await?;
            Ok(())
        })
        .await;
    Ok(())
}

/// Says how many bytes there were.
async fn print_range(shell: &Shell, found: &Found, from: u64, to: u64) -> Result<u64, FsError> {
    let mut contents = shell.files.storage(&found.item)?.read(&found.item, from, to).await?;
    let mut printed = 0;
    while let Some(piece) = contents.try_next().await? {
        shell.write(&piece)?;
        printed += piece.len() as u64;
    }
    Ok(printed)
}

pub async fn head(shell: &Shell) -> Result<(), FsError> {
    shell
        .each(&shell.words.paths, async |found| {
            must_be_file(&found)?;
            print_range(shell, &found, 0, END_BYTES).await?;
            Ok(())
        })
        .await;
    Ok(())
}

pub async fn tail(shell: &Shell) -> Result<(), FsError> {
    shell
        .each(&shell.words.paths, async |found| {
            must_be_file(&found)?;
            let mut at = found.status.len_bytes.saturating_sub(END_BYTES);
            at += print_range(shell, &found, at, u64::MAX).await?;
            while shell.has("f") {
                shell.flush()?;
                tokio::time::sleep(FOLLOW_EVERY).await;
                at += print_range(shell, &found, at, u64::MAX).await?;
            }
            Ok(())
        })
        .await;
    Ok(())
}

/// Unpacks gzip and zstd, by what the file begins with; everything else as it is.
pub async fn text(shell: &Shell) -> Result<(), FsError> {
    shell
        .each(&shell.words.paths, async |found| {
            must_be_file(&found)?;
            let storage = shell.files.storage(&found.item)?;
            let mut contents = storage.read(&found.item, 0, u64::MAX).await?;
            let mut start = Vec::new();
            while start.len() < ZSTD_MAGIC.len() {
                match contents.try_next().await? {
                    Some(piece) => start.extend_from_slice(&piece),
                    None => break,
                }
            }
            match Packing::of(&start) {
                Some(packing) => print_unpacked(shell, &found, packing, start, contents).await,
                None => {
                    shell.write(&start)?;
                    contents.try_for_each(async |piece| shell.write(&piece)).await
                }
            }
        })
        .await;
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    fn of(start: &[u8]) -> Option<Packing> {
        match start {
            start if start.starts_with(GZIP_MAGIC) => Some(Packing::Gzip),
            start if start.starts_with(ZSTD_MAGIC) => Some(Packing::Zstd),
            _ => None,
        }
    }

    fn unpack(self, packed: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Packing::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Packing::Zstd => Box::new(zstd::Decoder::new(packed)?),
        })
    }
}

/// Unpacks on a thread: pieces go there through a bounded queue.
async fn print_unpacked(
    shell: &Shell,
    found: &Found,
    packing: Packing,
    start: Vec<u8>,
    mut packed: Contents,
) -> Result<(), FsError> {
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    let reader = Pieces { current: Cursor::new(start.into()), receiver };
    let told = |error| FsError::from_io(&found.item.shown, error);
    let mut unpacked = local::contents(packing.unpack(reader).map_err(told)?, found.item.shown.clone());
    let feed = async {
        while let Some(piece) = packed.next().await {
            let is_error = piece.is_err();
            // The unpacking thread is gone when it found the end, or damage.
            if sender.send(piece.map_err(|error| io::Error::other(error.to_string()))).await.is_err()
                || is_error
            {
                break;
            }
        }
        drop(sender);
    };
    let print = async {
        while let Some(piece) = unpacked.try_next().await? {
            shell.write(&piece)?;
        }
        Ok(())
    };
    let ((), printed) = futures::join!(feed, print);
    printed
}

/// A queue of pieces as a reader.
struct Pieces {
    current: Cursor<Bytes>,
    receiver: mpsc::Receiver<io::Result<Bytes>>,
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.current.read(out)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            match self.receiver.blocking_recv() {
                Some(piece) => self.current = Cursor::new(piece?),
                None => return Ok(0),
            }
        }
    }
}

pub async fn checksum(shell: &Shell) -> Result<(), FsError> {
    shell
        .each(&shell.words.paths, async |found| {
            must_be_file(&found)?;
            let (algorithm, sum) = shell.files.storage(&found.item)?.checksum(&found.item).await?;
            shell.line(&format!("{}\t{algorithm}\t{sum:08x}", found.item.shown))
        })
        .await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn packing_is_known_by_how_a_file_begins() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"hello").unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::encode_all(&b"hello"[..], 1).unwrap();
        for (packed, packing) in [(gzip, Packing::Gzip), (zstd, Packing::Zstd)] {
            assert_eq!(Packing::of(&packed), Some(packing));
            let mut text = String::new();
            packing.unpack(Cursor::new(packed)).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "hello");
        }
        assert_eq!(Packing::of(b"hello"), None);
        assert_eq!(Packing::of(b""), None);
    }
}
