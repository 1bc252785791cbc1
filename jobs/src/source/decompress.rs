//! Compressed input, by the ending of its name.

use super::{SourceError, chunks::Chunks};
use crate::plan::fault::TaskFault;
use bytes::{Buf, Bytes};
use std::io::{self, Read};

/// Bytes that come out of a decompressor at a time.
const OUTPUT_BYTES: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    pub fn of_name(name: &str) -> Option<Compression> {
        match name.rsplit_once('.')?.1 {
            "gz" => Some(Compression::Gzip),
            "zst" => Some(Compression::Zstd),
            _ => None,
        }
    }
}

/// A file's bytes, decompressed where its name says so.
pub enum Decoded<'a> {
    Plain(Chunks<'a>),
    Compressed { file: String, reader: Box<dyn Read + 'a>, fault: FaultSlot },
}

/// A read error inside a decompressor, kept whole: what comes out of it is only an `io::Error`.
type FaultSlot = std::rc::Rc<std::cell::RefCell<Option<TaskFault>>>;

impl<'a> Decoded<'a> {
    pub fn new(file: &str, chunks: Chunks<'a>) -> Result<Decoded<'a>, TaskFault> {
        let Some(compression) = Compression::of_name(file) else { return Ok(Decoded::Plain(chunks)) };
        let fault = FaultSlot::default();
        let input = ChunkReader { chunks, current: Bytes::new(), fault: fault.clone() };
        let reader: Box<dyn Read + 'a> = match compression {
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(io::BufReader::new(input))),
            Compression::Zstd => {
                Box::new(zstd::stream::read::Decoder::new(input).map_err(|error| damaged(file, &error))?)
            }
        };
        Ok(Decoded::Compressed { file: file.to_owned(), reader, fault })
    }

    pub fn next_chunk(&mut self) -> Result<Option<Bytes>, TaskFault> {
        match self {
            Decoded::Plain(chunks) => chunks.next_chunk(),
            Decoded::Compressed { file, reader, fault } => {
                let mut out = vec![0; OUTPUT_BYTES];
                let len = match reader.read(&mut out) {
                    Ok(len) => len,
                    Err(error) => return Err(fault.take().unwrap_or_else(|| damaged(file, &error))),
                };
                out.truncate(len);
                Ok((len > 0).then(|| Bytes::from(out)))
            }
        }
    }
}

fn damaged(file: &str, error: &io::Error) -> TaskFault {
    SourceError::Decompress { file: file.to_owned(), reason: error.to_string() }.into()
}

struct ChunkReader<'a> {
    chunks: Chunks<'a>,
    current: Bytes,
    fault: FaultSlot,
}

impl Read for ChunkReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() {
            match self.chunks.next_chunk() {
                Ok(None) => return Ok(0),
                Ok(Some(bytes)) => self.current = bytes,
                Err(fault) => {
                    let error = io::Error::other(fault.to_string());
                    self.fault.replace(Some(fault));
                    return Err(error);
                }
            }
        }
        let len = out.len().min(self.current.len());
        self.current.copy_to_slice(&mut out[..len]);
        Ok(len)
    }
}
