//! Compressed output, by the setting `output.compress`.

use super::SinkError;
use crate::conf;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use zstd::stream::write::Encoder as ZstdEncoder;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputCompression {
    None,
    Gzip,
    Zstd,
}

impl OutputCompression {
    pub fn of(conf: &crate::model::JobConf) -> OutputCompression {
        match conf.extra.get(conf::OUTPUT_COMPRESS).map(String::as_str) {
            Some("gzip") => OutputCompression::Gzip,
            Some("zstd") => OutputCompression::Zstd,
            _ => OutputCompression::None,
        }
    }

    /// What names of files end with.
    pub fn ending(self) -> &'static str {
        match self {
            OutputCompression::None => "",
            OutputCompression::Gzip => ".gz",
            OutputCompression::Zstd => ".zst",
        }
    }
}

/// Bytes in, perhaps compressed bytes out into a buffer that its owner empties.
pub(super) enum Encoder {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(ZstdEncoder<'static, Vec<u8>>),
}

impl Encoder {
    pub fn new(compression: OutputCompression, path: &str) -> Result<Encoder, SinkError> {
        Ok(match compression {
            OutputCompression::None => Encoder::Plain(Vec::new()),
            OutputCompression::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), Compression::default())),
            OutputCompression::Zstd => {
                Encoder::Zstd(ZstdEncoder::new(Vec::new(), 0).map_err(|error| failed(path, &error))?)
            }
        })
    }

    pub fn write(&mut self, bytes: &[u8], path: &str) -> Result<(), SinkError> {
        let written = match self {
            Encoder::Plain(out) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            Encoder::Gzip(encoder) => encoder.write_all(bytes),
            Encoder::Zstd(encoder) => encoder.write_all(bytes),
        };
        written.map_err(|error| failed(path, &error))
    }

    pub fn buffer(&mut self) -> &mut Vec<u8> {
        match self {
            Encoder::Plain(out) => out,
            Encoder::Gzip(encoder) => encoder.get_mut(),
            Encoder::Zstd(encoder) => encoder.get_mut(),
        }
    }

    /// The bytes that are left, with the end of the compressed stream.
    pub fn finish(self, path: &str) -> Result<Vec<u8>, SinkError> {
        match self {
            Encoder::Plain(out) => Ok(out),
            Encoder::Gzip(encoder) => encoder.finish().map_err(|error| failed(path, &error)),
            Encoder::Zstd(encoder) => encoder.finish().map_err(|error| failed(path, &error)),
        }
    }
}

fn failed(path: &str, error: &std::io::Error) -> SinkError {
    SinkError::Compress { path: path.to_owned(), reason: error.to_string() }
}
