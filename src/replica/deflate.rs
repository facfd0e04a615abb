//! Compresses the sent bytes and decompresses the received bytes of a connection (raw deflate, RFC
//! 1951).

use flate2::{Decompress, FlushDecompress, Status};

use super::encoder::Encoder;
use crate::error::{Error, Kind, Result};

/// Size of the output buffer of the decompressor.
const CHUNK: usize = 64 << 10;

/// The compressor for sent bytes and the decompressor for received bytes.
pub struct Deflate {
    encoder: Encoder,
    decompress: Decompress,
}

impl Deflate {
    /// Starts both streams. `level` is 0 to 9, as in zlib.
    pub fn new(level: u32) -> Self {
        Deflate { encoder: Encoder::new(level), decompress: Decompress::new(false) }
    }

    /// Changes the compression level for the next bytes. Level 0 stores bytes as they are.
    pub fn set_level(&mut self, level: u32) {
        self.encoder.set_level(level);
    }

    /// Compresses bytes. Call [`Deflate::flush`] to get the output that is still buffered.
    pub fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.encoder.encode(bytes, out).map_err(|e| own_fault(&format!("{e:?}")))
    }

    /// Appends all output that is still buffered.
    pub fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.encoder.flush(out).map_err(|e| own_fault(&format!("{e:?}")))
    }

    /// Decompresses bytes until about `room` bytes of output are written. The limit is needed
    /// because the output can be a thousand times as long as the input. Returns how many input
    /// bytes were used, and whether more output may follow.
    pub fn read(&mut self, bytes: &[u8], out: &mut Vec<u8>, room: usize) -> Result<(usize, bool)> {
        let mut chunk = [0; CHUNK];
        let (begun_in, begun_out) = (self.decompress.total_in(), out.len());
        let mut rest = bytes;
        loop {
            let (before_in, before_out) = (self.decompress.total_in(), self.decompress.total_out());
            let status = self
                .decompress
                .decompress(rest, &mut chunk, FlushDecompress::None)
                .map_err(|e| garbage(&e.to_string()))?;
            let taken = usize::try_from(self.decompress.total_in() - before_in).unwrap_or(0);
            let given = usize::try_from(self.decompress.total_out() - before_out).unwrap_or(0);
            out.extend_from_slice(chunk.get(..given).unwrap_or_default());
            rest = rest.get(taken..).unwrap_or_default();
            if status == Status::StreamEnd {
                return Err(garbage("the compressed stream ended"));
            }
            let more = given == chunk.len();
            if (rest.is_empty() && !more) || out.len() - begun_out >= room {
                let taken = self.decompress.total_in() - begun_in;
                let taken = usize::try_from(taken).unwrap_or(bytes.len());
                return Ok((taken, more || !rest.is_empty()));
            }
            if taken == 0 && given == 0 {
                return Err(garbage("decompression makes no progress"));
            }
        }
    }
}

fn garbage(why: &str) -> Error {
    Error::new(Kind::Protocol, "decompress bytes of", "the replica", why)
}

fn own_fault(why: &str) -> Error {
    Error::new(Kind::Internal, "compress", "a command", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flushed_bytes_arrive_completely() {
        let (mut sender, mut receiver) = (Deflate::new(3), Deflate::new(3));
        let (mut wire, mut received) = (Vec::new(), Vec::new());
        for piece in [&b"GET USER fred\r\n"[..], &[7; 300_000], b"RESTART\r\n"] {
            sender.write(piece, &mut wire).unwrap();
            sender.flush(&mut wire).unwrap();
            received.clear();
            let (taken, more) = receiver.read(&wire, &mut received, 1 << 20).unwrap();
            assert!(received == piece && taken == wire.len() && !more);
            wire.clear();
        }
    }

    #[test]
    fn a_deflate_bomb_is_decompressed_in_small_pieces() {
        let mut bomb = Vec::new();
        let mut sender = Deflate::new(9);
        for _ in 0..64 {
            sender.write(&vec![b'x'; 1 << 20], &mut bomb).unwrap();
        }
        sender.flush(&mut bomb).unwrap();
        assert!(bomb.len() < 200_000, "{}", bomb.len());
        let (mut receiver, mut rest, mut all) = (Deflate::new(9), &bomb[..], 0);
        let mut received = Vec::new();
        loop {
            let (taken, more) = receiver.read(rest, &mut received, 1 << 20).unwrap();
            assert!(received.len() <= (1 << 20) + CHUNK);
            assert!(received.iter().all(|byte| *byte == b'x'));
            all += received.len();
            received.clear();
            rest = &rest[taken..];
            if !more {
                break;
            }
        }
        assert_eq!((all, rest.len()), (64 << 20, 0));
    }

    #[test]
    fn a_damaged_stream_is_an_error() {
        let mut receiver = Deflate::new(3);
        let error = receiver.read(&[0xff; 100], &mut Vec::new(), 1 << 20).unwrap_err();
        assert_eq!(error.kind(), Kind::Protocol);
        let mut ended = Deflate::new(3);
        let error = ended.read(&[3, 0], &mut Vec::new(), 1 << 20).unwrap_err();
        assert!(error.to_string().contains("ended"), "{error}");
    }
}
