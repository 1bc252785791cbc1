//! Compressed files: which codec a file's name stands for, and codecs that are pushed bytes, both ways.

use flate2::write::{GzEncoder, MultiGzDecoder, ZlibEncoder};
use std::io::{self, Read, Write};
use zstd::stream::raw::Operation;

/// A codec of Hadoop's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Compression {
    None,
    Gzip,
    Deflate,
    Bzip2,
    Zstd,
    Snappy,
    Lz4,
}

const LZ4_FRAME_MAGIC: &[u8] = &[0x04, 0x22, 0x4d, 0x18];
const SNAPPY_FRAME_MAGIC: &[u8] = b"\xff\x06\0\0sNaPpY";
/// What Hadoop's block codecs compress at once.
const BLOCK_BYTES: usize = 256 << 10;

impl Compression {
    /// By a file's ending, as Hadoop's CompressionCodecFactory does.
    pub fn of_path(path: &str) -> Compression {
        let ending = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
        match ending {
            Some("gz") => Compression::Gzip,
            Some("deflate") => Compression::Deflate,
            Some("bz2") => Compression::Bzip2,
            Some("zst") => Compression::Zstd,
            Some("snappy") => Compression::Snappy,
            Some("lz4") => Compression::Lz4,
            _ => Compression::None,
        }
    }

    /// By the class that `mapreduce.output.fileoutputformat.compress.codec` names.
    pub fn of_codec(class: &str) -> Option<Compression> {
        Some(match class.rsplit('.').next()? {
            "DefaultCodec" | "DeflateCodec" => Compression::Deflate,
            "GzipCodec" => Compression::Gzip,
            "BZip2Codec" => Compression::Bzip2,
            "ZStandardCodec" => Compression::Zstd,
            "SnappyCodec" => Compression::Snappy,
            "Lz4Codec" => Compression::Lz4,
            _ => return None,
        })
    }

    /// What a file's name ends with, dot included.
    pub fn ending(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Deflate => ".deflate",
            Compression::Bzip2 => ".bz2",
            Compression::Zstd => ".zst",
            Compression::Snappy => ".snappy",
            Compression::Lz4 => ".lz4",
        }
    }

    pub(super) fn decoder(self) -> io::Result<Option<Decoder>> {
        Ok(Some(match self {
            Compression::None => return Ok(None),
            Compression::Gzip => Decoder::Gzip(MultiGzDecoder::new(Vec::new())),
            Compression::Deflate => Decoder::Stream(Stream::new(Inner::Zlib(flate2::Decompress::new(true)))),
            Compression::Bzip2 => Decoder::Stream(Stream::new(Inner::Bzip2(bzip2::Decompress::new(false)))),
            Compression::Zstd => {
                Decoder::Stream(Stream::new(Inner::Zstd(zstd::stream::raw::Decoder::new()?)))
            }
            Compression::Snappy | Compression::Lz4 => Decoder::Whole { codec: self, input: Vec::new() },
        }))
    }

    pub(super) fn encoder(self) -> io::Result<Encoder> {
        let level = flate2::Compression::default();
        Ok(match self {
            Compression::None => Encoder::None(Vec::new()),
            Compression::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), level)),
            Compression::Deflate => Encoder::Zlib(ZlibEncoder::new(Vec::new(), level)),
            Compression::Bzip2 => {
                Encoder::Bzip2(bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default()))
            }
            Compression::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 0)?),
            Compression::Snappy | Compression::Lz4 => {
                Encoder::Blocks { codec: self, pending: Vec::new(), output: Vec::new() }
            }
        })
    }
}

/// Takes compressed bytes as they come and gives plain ones.
pub(super) enum Decoder {
    Gzip(MultiGzDecoder<Vec<u8>>),
    Stream(Stream),
    /// Two framings share an ending; what the bytes are shows at their head, and such files are small.
    Whole {
        codec: Compression,
        input: Vec<u8>,
    },
}

impl Decoder {
    pub(super) fn push(&mut self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Decoder::Gzip(inner) => {
                inner.write_all(input)?;
                output.append(inner.get_mut());
            }
            Decoder::Stream(inner) => inner.push(input, output)?,
            Decoder::Whole { input: held, .. } => held.extend_from_slice(input),
        }
        Ok(())
    }

    /// Fails where the input stops short.
    pub(super) fn finish(&mut self, output: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Decoder::Gzip(inner) => {
                inner.try_finish()?;
                output.append(inner.get_mut());
            }
            Decoder::Stream(inner) if inner.open => return Err(io::ErrorKind::UnexpectedEof.into()),
            Decoder::Stream(_) => {}
            Decoder::Whole { codec, input } => decode_whole(*codec, input, output)?,
        }
        Ok(())
    }
}

/// Streams of a codec one after the other, as parallel compressors write them.
pub(super) struct Stream {
    inner: Inner,
    /// In the midst of a stream.
    open: bool,
}

enum Inner {
    Zlib(flate2::Decompress),
    Bzip2(bzip2::Decompress),
    Zstd(zstd::stream::raw::Decoder<'static>),
}

/// What one step took, and whether it came to a stream's end.
struct Step {
    taken: usize,
    ended: bool,
}

impl Stream {
    fn new(inner: Inner) -> Stream {
        Stream { inner, open: false }
    }

    fn push(&mut self, mut input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let length = output.len();
            output.reserve(BLOCK_BYTES);
            let step = self.inner.step(input, output)?;
            input = input.get(step.taken..).unwrap_or_default();
            self.open |= step.taken > 0;
            if step.ended {
                self.inner.restart()?;
                self.open = false;
                if input.is_empty() {
                    return Ok(());
                }
            } else if step.taken == 0 && output.len() == length {
                return Ok(());
            }
        }
    }
}

impl Inner {
    fn step(&mut self, input: &[u8], output: &mut Vec<u8>) -> io::Result<Step> {
        match self {
            Inner::Zlib(inner) => {
                let before = inner.total_in();
                let status = inner.decompress_vec(input, output, flate2::FlushDecompress::None);
                let ended = status.map_err(io::Error::other)? == flate2::Status::StreamEnd;
                Ok(Step { taken: (inner.total_in() - before) as usize, ended })
            }
            Inner::Bzip2(inner) => {
                let before = inner.total_in();
                let status = inner.decompress_vec(input, output).map_err(io::Error::other)?;
                let ended = status == bzip2::Status::StreamEnd;
                Ok(Step { taken: (inner.total_in() - before) as usize, ended })
            }
            Inner::Zstd(inner) => {
                let length = output.len();
                output.resize(length + BLOCK_BYTES, 0);
                let status = inner.run_on_buffers(input, output.get_mut(length..).unwrap_or_default())?;
                output.truncate(length + status.bytes_written);
                // Of no input, nothing has ended.
                let ended = status.remaining == 0 && status.bytes_read > 0;
                Ok(Step { taken: status.bytes_read, ended })
            }
        }
    }

    fn restart(&mut self) -> io::Result<()> {
        match self {
            Inner::Zlib(inner) => inner.reset(true),
            Inner::Bzip2(inner) => *inner = bzip2::Decompress::new(false),
            Inner::Zstd(inner) => inner.reinit()?,
        }
        Ok(())
    }
}

fn decode_whole(codec: Compression, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
    if input.starts_with(LZ4_FRAME_MAGIC) {
        lz4_flex::frame::FrameDecoder::new(input).read_to_end(output)?;
    } else if input.starts_with(SNAPPY_FRAME_MAGIC) {
        snap::read::FrameDecoder::new(input).read_to_end(output)?;
    } else {
        decode_hadoop_blocks(codec, input, output)?;
    }
    Ok(())
}

/// Hadoop's BlockCompressorStream: the plain length of a block, then chunks with their lengths until it is full;
/// lengths are four bytes, highest first.
fn decode_hadoop_blocks(codec: Compression, mut input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
    while !input.is_empty() {
        let block = output.len() + take_length(&mut input)?;
        while output.len() < block {
            let compressed = take_length(&mut input)?;
            let chunk = input.split_off(..compressed).ok_or(io::ErrorKind::UnexpectedEof)?;
            let plain = match codec {
                Compression::Snappy => {
                    snap::raw::Decoder::new().decompress_vec(chunk).map_err(io::Error::other)?
                }
                _ => decode_lz4_chunk(chunk, block - output.len())?,
            };
            if plain.is_empty() || output.len() + plain.len() > block {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a block's length is wrong"));
            }
            output.extend_from_slice(&plain);
        }
    }
    Ok(())
}

fn decode_lz4_chunk(chunk: &[u8], most: usize) -> io::Result<Vec<u8>> {
    // LZ4 cannot grow a byte to more than 255.
    let most = most.min(chunk.len().saturating_mul(255));
    lz4_flex::block::decompress(chunk, most).map_err(io::Error::other)
}

fn take_length(input: &mut &[u8]) -> io::Result<usize> {
    let (length, rest) = input.split_first_chunk::<4>().ok_or(io::ErrorKind::UnexpectedEof)?;
    *input = rest;
    Ok(u32::from_be_bytes(*length) as usize)
}

/// Takes plain bytes and gives compressed ones.
pub(super) enum Encoder {
    None(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Zlib(ZlibEncoder<Vec<u8>>),
    Bzip2(bzip2::write::BzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Blocks { codec: Compression, pending: Vec<u8>, output: Vec<u8> },
}

impl Encoder {
    pub(super) fn push(&mut self, plain: &[u8]) -> io::Result<()> {
        match self {
            Encoder::None(output) => output.extend_from_slice(plain),
            Encoder::Gzip(inner) => inner.write_all(plain)?,
            Encoder::Zlib(inner) => inner.write_all(plain)?,
            Encoder::Bzip2(inner) => inner.write_all(plain)?,
            Encoder::Zstd(inner) => inner.write_all(plain)?,
            Encoder::Blocks { codec, pending, output } => {
                pending.extend_from_slice(plain);
                while pending.len() >= BLOCK_BYTES {
                    let block: Vec<u8> = pending.drain(..BLOCK_BYTES).collect();
                    encode_block(*codec, &block, output)?;
                }
            }
        }
        Ok(())
    }

    /// What is ready to be stored.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(match self {
            Encoder::None(output) | Encoder::Blocks { output, .. } => output,
            Encoder::Gzip(inner) => inner.get_mut(),
            Encoder::Zlib(inner) => inner.get_mut(),
            Encoder::Bzip2(inner) => inner.get_mut(),
            Encoder::Zstd(inner) => inner.get_mut(),
        })
    }

    /// What remains.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Encoder::None(output) => Ok(output),
            Encoder::Gzip(inner) => inner.finish(),
            Encoder::Zlib(inner) => inner.finish(),
            Encoder::Bzip2(inner) => inner.finish(),
            Encoder::Zstd(inner) => inner.finish(),
            Encoder::Blocks { codec, pending, mut output } => {
                if !pending.is_empty() {
                    encode_block(codec, &pending, &mut output)?;
                }
                Ok(output)
            }
        }
    }
}

fn encode_block(codec: Compression, plain: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
    let compressed = match codec {
        Compression::Snappy => snap::raw::Encoder::new().compress_vec(plain).map_err(io::Error::other)?,
        _ => lz4_flex::block::compress(plain),
    };
    output.extend_from_slice(&(plain.len() as u32).to_be_bytes());
    output.extend_from_slice(&(compressed.len() as u32).to_be_bytes());
    output.extend_from_slice(&compressed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Compression; 6] = [
        Compression::Gzip,
        Compression::Deflate,
        Compression::Bzip2,
        Compression::Zstd,
        Compression::Snappy,
        Compression::Lz4,
    ];

    fn compress(codec: Compression, plain: &[u8]) -> Vec<u8> {
        let mut encoder = codec.encoder().unwrap();
        encoder.push(plain).unwrap();
        let mut bytes = encoder.take();
        bytes.extend(encoder.finish().unwrap());
        bytes
    }

    fn decompress(codec: Compression, bytes: &[u8], piece: usize) -> io::Result<Vec<u8>> {
        let mut decoder = codec.decoder()?.unwrap();
        let mut plain = Vec::new();
        for piece in bytes.chunks(piece) {
            decoder.push(piece, &mut plain)?;
        }
        decoder.finish(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn every_codec_gives_back_what_it_took() {
        let plain: Vec<u8> = (0..700_000u32).flat_map(|n| (n % 1000).to_string().into_bytes()).collect();
        for codec in ALL {
            assert!(decompress(codec, &compress(codec, &plain), 1000).unwrap() == plain, "{codec:?}");
            assert_eq!(Compression::of_path(&format!("a/b{}", codec.ending())), codec);
        }
    }

    #[test]
    fn streams_one_after_the_other_are_read_as_one() {
        for codec in [Compression::Gzip, Compression::Bzip2, Compression::Zstd, Compression::Snappy] {
            let twice = [compress(codec, b"one\n"), compress(codec, b"two\n")].concat();
            assert_eq!(decompress(codec, &twice, 7).unwrap(), b"one\ntwo\n", "{codec:?}");
        }
    }

    #[test]
    fn a_file_that_stops_short_is_an_error() {
        let plain: Vec<u8> = (0..50_000u32).flat_map(|n| n.to_string().into_bytes()).collect();
        for codec in ALL {
            let bytes = compress(codec, &plain);
            assert!(decompress(codec, &bytes[..bytes.len() - 9], 4096).is_err(), "{codec:?}");
        }
    }
}
