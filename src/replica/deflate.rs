//! Raw deflate in both directions.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::error::{Error, Kind, Result};

/// Bytes that come out of the decompressor at once.
const CHUNK: usize = 64 << 10;
/// Bytes after which the level is chosen anew.
const WINDOW: u64 = 4 << 20;
/// What shrinks to less than the half is text, not attachments.
const COMPRESSIBLE: u64 = 2;
/// For attachments: a third cheaper than the next level, whose output is 1 % smaller.
const FAST: u32 = 2;
/// For text: 12 % smaller than the level below at a fifth more time, and as fast as that on
/// attachments.
const THOROUGH: u32 = 3;

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeflateLevel {
    /// As suits what is sent: see `docs/operating.md` for the measurements.
    Auto,
    /// 1 to 9, as with zlib.
    Fixed(u32),
}

/// The compressor of one direction and the decompressor of the other.
pub struct Deflate {
    compress: Compress,
    decompress: Decompress,
    auto: bool,
    /// Whether the compressor holds back bytes that a flush would give out.
    held: bool,
}

fn compressor(level: u32) -> Compress {
    Compress::new(Compression::new(level.clamp(1, 9)), false)
}

impl Deflate {
    /// At the beginning of both streams.
    pub fn new(level: DeflateLevel) -> Self {
        let (auto, first) = match level {
            DeflateLevel::Auto => (true, FAST),
            DeflateLevel::Fixed(level) => (false, level),
        };
        Deflate {
            compress: compressor(first),
            decompress: Decompress::new(false),
            auto,
            held: false,
        }
    }

    /// Compresses bytes; most stay inside.
    pub fn write(&mut self, mut bytes: &[u8], chunk: &mut [u8], out: &mut Vec<u8>) -> Result<()> {
        while !bytes.is_empty() {
            let (taken, _) = self.step(bytes, chunk, out, FlushCompress::None)?;
            bytes = bytes.get(taken..).unwrap_or_default();
            self.held = true;
        }
        if self.auto && self.compress.total_in() >= WINDOW {
            self.choose_level(chunk, out)?;
        }
        Ok(())
    }

    /// Goes on with the level that suits what was sent lately. Blocks of a new compressor may
    /// follow those of the old after a flush: the other side sees one stream.
    fn choose_level(&mut self, chunk: &mut [u8], out: &mut Vec<u8>) -> Result<()> {
        let compressible = self.compress.total_in() >= COMPRESSIBLE * self.compress.total_out();
        self.flush(chunk, out)?;
        self.compress = compressor(if compressible { THOROUGH } else { FAST });
        Ok(())
    }

    /// Has everything that was written come out.
    pub fn flush(&mut self, chunk: &mut [u8], out: &mut Vec<u8>) -> Result<()> {
        while std::mem::take(&mut self.held) {
            let (_, given) = self.step(&[], chunk, out, FlushCompress::Sync)?;
            // A full chunk may not have been all.
            self.held = given == chunk.len();
        }
        Ok(())
    }

    fn step(
        &mut self,
        bytes: &[u8],
        chunk: &mut [u8],
        out: &mut Vec<u8>,
        flush: FlushCompress,
    ) -> Result<(usize, usize)> {
        let (before_in, before_out) = (self.compress.total_in(), self.compress.total_out());
        let done = self.compress.compress(bytes, chunk, flush);
        done.map_err(|e| Error::new(Kind::Internal, "compress", "a command", e.to_string()))?;
        let taken = usize::try_from(self.compress.total_in() - before_in).unwrap_or(0);
        let given = usize::try_from(self.compress.total_out() - before_out).unwrap_or(0);
        out.extend_from_slice(chunk.get(..given).unwrap_or_default());
        Ok((taken, given))
    }

    /// Decompresses bytes.
    pub fn read(&mut self, mut bytes: &[u8], input: &mut Vec<u8>) -> Result<()> {
        let mut chunk = [0; CHUNK];
        loop {
            let (before_in, before_out) = (self.decompress.total_in(), self.decompress.total_out());
            let status = self
                .decompress
                .decompress(bytes, &mut chunk, FlushDecompress::None)
                .map_err(|e| garbage(&e.to_string()))?;
            let taken = usize::try_from(self.decompress.total_in() - before_in).unwrap_or(0);
            let given = usize::try_from(self.decompress.total_out() - before_out).unwrap_or(0);
            input.extend_from_slice(chunk.get(..given).unwrap_or_default());
            bytes = bytes.get(taken..).unwrap_or_default();
            if status == Status::StreamEnd {
                return Err(garbage("the stream ended"));
            }
            if bytes.is_empty() && given < chunk.len() {
                return Ok(());
            }
            if taken == 0 && given == 0 {
                return Err(garbage("it makes no progress"));
            }
        }
    }
}

fn garbage(why: &str) -> Error {
    Error::new(Kind::Protocol, "decompress bytes of", "the replica", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends pieces through one compressor and reads them with another's decompressor.
    fn round_trip(level: DeflateLevel, pieces: &[Vec<u8>]) -> (Vec<u8>, usize) {
        let (mut sender, mut receiver) = (Deflate::new(level), Deflate::new(level));
        let (mut chunk, mut wire, mut received) = (vec![0; CHUNK], Vec::new(), Vec::new());
        let mut sent = 0;
        for piece in pieces {
            sender.write(piece, &mut chunk, &mut wire).unwrap();
            sender.flush(&mut chunk, &mut wire).unwrap();
            sent += wire.len();
            receiver.read(&std::mem::take(&mut wire), &mut received).unwrap();
        }
        (received, sent)
    }

    /// Bytes like text (`step` small) or like noise.
    fn bytes(count: usize, mut seed: u32, mask: u32) -> Vec<u8> {
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((seed >> 24) & mask) as u8
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn what_is_flushed_arrives_whole_whatever_the_level_does_meanwhile() {
        let pieces = [
            bytes(4 << 20, 1, 255),
            bytes(5 << 20, 2, 3),
            bytes(100, 3, 255),
            bytes(4 << 20, 4, 1),
            bytes(CHUNK, 5, 255),
        ];
        let whole = pieces.concat();
        for level in [DeflateLevel::Auto, DeflateLevel::Fixed(1), DeflateLevel::Fixed(9)] {
            let (received, sent) = round_trip(level, &pieces);
            assert!(received == whole, "{level:?}");
            assert!(sent < whole.len(), "{level:?}");
        }
    }

    #[test]
    fn a_damaged_stream_is_an_error() {
        let mut receiver = Deflate::new(DeflateLevel::Auto);
        let error = receiver.read(&[0xff; 100], &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), Kind::Protocol);
        let mut ended = Deflate::new(DeflateLevel::Auto);
        let error = ended.read(&[3, 0], &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("ended"), "{error}");
    }
}
