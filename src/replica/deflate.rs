//! Raw deflate in both directions.

use flate2::{Decompress, FlushDecompress, Status};

use super::encoder::Encoder;
use crate::error::{Error, Kind, Result};

/// Bytes that come out of the decompressor at once.
const CHUNK: usize = 64 << 10;

/// The compressor of one direction and the decompressor of the other.
pub struct Deflate {
    encoder: Encoder,
    decompress: Decompress,
}

impl Deflate {
    /// At the beginning of both streams; level 1 to 9, as with zlib.
    pub fn new(level: u32) -> Self {
        Deflate { encoder: Encoder::new(level), decompress: Decompress::new(false) }
    }

    /// Compresses bytes; what has not come out does with [`Deflate::flush`].
    pub fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.encoder.encode(bytes, out).map_err(|e| own_fault(&format!("{e:?}")))
    }

    /// Has everything that was written come out.
    pub fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.encoder.flush(out).map_err(|e| own_fault(&format!("{e:?}")))
    }

    /// Decompresses bytes, as long as no more than `room` of them come out: a thousand times what
    /// was received can.
    pub fn read(&mut self, mut bytes: &[u8], input: &mut Vec<u8>, room: usize) -> Result<()> {
        let mut chunk = [0; CHUNK];
        let most = input.len().saturating_add(room);
        loop {
            let (before_in, before_out) = (self.decompress.total_in(), self.decompress.total_out());
            let status = self
                .decompress
                .decompress(bytes, &mut chunk, FlushDecompress::None)
                .map_err(|e| garbage(&e.to_string()))?;
            let taken = usize::try_from(self.decompress.total_in() - before_in).unwrap_or(0);
            let given = usize::try_from(self.decompress.total_out() - before_out).unwrap_or(0);
            input.extend_from_slice(chunk.get(..given).unwrap_or_default());
            if input.len() > most {
                return Err(garbage("it becomes more than was asked for"));
            }
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

fn own_fault(why: &str) -> Error {
    Error::new(Kind::Internal, "compress", "a command", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_flushed_arrives_whole() {
        let (mut sender, mut receiver) = (Deflate::new(3), Deflate::new(3));
        let (mut wire, mut received) = (Vec::new(), Vec::new());
        for piece in [&b"GET USER fred\r\n"[..], &[7; 300_000], b"RESTART\r\n"] {
            sender.write(piece, &mut wire).unwrap();
            sender.flush(&mut wire).unwrap();
            received.clear();
            receiver.read(&std::mem::take(&mut wire), &mut received, 1 << 20).unwrap();
            assert!(received == piece);
        }
    }

    #[test]
    fn a_bomb_is_stopped_before_it_has_gone_off() {
        let mut bomb = Vec::new();
        let mut sender = Deflate::new(9);
        for _ in 0..64 {
            sender.write(&vec![b'x'; 1 << 20], &mut bomb).unwrap();
        }
        sender.flush(&mut bomb).unwrap();
        assert!(bomb.len() < 200_000, "{}", bomb.len());
        let mut received = Vec::new();
        let error = Deflate::new(9).read(&bomb, &mut received, 1 << 20).unwrap_err();
        assert!(error.to_string().contains("more than was asked for"), "{error}");
        assert!(received.len() <= (1 << 20) + CHUNK);
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
