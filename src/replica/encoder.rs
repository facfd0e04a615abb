//! The compressor of a connection: raw deflate (RFC 1951) that spends little time on data that does
//! not compress.
//!
//! Most bytes of a mail spool are base64 of data that is already compressed: JPEG, PDF, office
//! documents. A search for repetitions takes most of the time, and finds none in such data.
//! Therefore such blocks go through a second encoder, which only uses shorter codes for the 64
//! letters; the output has the same size. The output of the second encoder has no references to
//! earlier bytes, so it can be placed between blocks of the first encoder. The first encoder starts
//! with an empty window afterwards. This costs little, because the window would be full of bytes
//! without repetitions.
//!
//! The level may change between any two blocks. At level 0, blocks are stored without compression.

use zlib_rs::{Deflate, DeflateConfig, DeflateError, DeflateFlush, Strategy};

/// Size of the blocks for which the encoder is chosen.
const BLOCK_BYTES: usize = 16 << 10;
/// Size of the output buffer for each call of an encoder.
const SCRATCH_BYTES: usize = 64 << 10;
/// The `windowBits` value for raw deflate with the largest window.
const RAW: i32 = -15;
/// The longest block that can be stored.
const STORED_BYTES: usize = 0xffff;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Searches for repetitions of earlier bytes.
    Repetitions,
    /// Only uses shorter codes for frequent bytes (Huffman coding).
    Letters,
    /// Stores bytes as they are.
    Stored,
}

/// The compressor; see the module.
pub struct Encoder {
    repetitions: Deflate,
    letters: Deflate,
    level: u32,
    /// The level that `repetitions` currently uses.
    set_level: u32,
    mode: Mode,
    /// Whether some input is still in an encoder, so that the other side cannot decode it yet.
    unflushed: bool,
    scratch: Box<[u8]>,
}

impl Encoder {
    /// Makes an encoder with a level from 0 (none) to 9.
    pub fn new(level: u32) -> Self {
        let level = level.min(9);
        let config = DeflateConfig {
            level: i32::try_from(level).unwrap_or_default(),
            window_bits: RAW,
            ..DeflateConfig::default()
        };
        Encoder {
            repetitions: Deflate::new_with_config(config),
            letters: Deflate::new_with_config(DeflateConfig {
                strategy: Strategy::HuffmanOnly,
                ..config
            }),
            level,
            set_level: level,
            mode: Mode::Repetitions,
            unflushed: false,
            scratch: vec![0; SCRATCH_BYTES].into(),
        }
    }

    /// Sets the level for the next bytes, from 0 to 9.
    pub fn set_level(&mut self, level: u32) {
        self.level = level.min(9);
    }

    /// Compresses `bytes` and appends the output. Part of it may stay buffered until
    /// [`Encoder::flush`].
    pub fn encode(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DeflateError> {
        if self.level == 0 {
            self.turn_to(Mode::Stored, out)?;
            bytes.chunks(STORED_BYTES).for_each(|block| store(block, out));
            return Ok(());
        }
        for block in bytes.chunks(BLOCK_BYTES) {
            self.turn_to(self.judge(block), out)?;
            self.unflushed = true;
            self.run(block, DeflateFlush::NoFlush, out)?;
        }
        Ok(())
    }

    /// Appends all buffered output, so that the other side can decode everything.
    pub fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), DeflateError> {
        if std::mem::take(&mut self.unflushed) {
            self.run(&[], DeflateFlush::SyncFlush, out)?;
        }
        Ok(())
    }

    /// Chooses the encoder for a block. A short block is too small to judge: it can switch to
    /// [`Mode::Repetitions`], but not to [`Mode::Letters`].
    fn judge(&self, block: &[u8]) -> Mode {
        let long = block.len() == BLOCK_BYTES || self.mode == Mode::Letters;
        if !long || repeats(block) { Mode::Repetitions } else { Mode::Letters }
    }

    /// If mode or level must change, flushes the current encoder and changes them.
    fn turn_to(&mut self, mode: Mode, out: &mut Vec<u8>) -> Result<(), DeflateError> {
        let relevel = mode == Mode::Repetitions && self.level != self.set_level;
        if mode == self.mode && !relevel {
            return Ok(());
        }
        self.flush(out)?;
        if mode == Mode::Repetitions {
            self.repetitions.reset();
        }
        if relevel {
            // zlib-rs accepts another level only before the first byte.
            self.repetitions.set_level(i32::try_from(self.level).unwrap_or_default())?;
            self.set_level = self.level;
        }
        self.mode = mode;
        Ok(())
    }

    fn run(
        &mut self,
        mut rest: &[u8],
        flush: DeflateFlush,
        out: &mut Vec<u8>,
    ) -> Result<(), DeflateError> {
        let encoder = match self.mode {
            Mode::Repetitions => &mut self.repetitions,
            Mode::Letters => &mut self.letters,
            // Stored blocks are written at once, not buffered.
            Mode::Stored => return Ok(()),
        };
        loop {
            let (taken, given) = (encoder.total_in(), encoder.total_out());
            encoder.compress(rest, &mut self.scratch, flush)?;
            let taken = usize::try_from(encoder.total_in() - taken).unwrap_or(rest.len());
            let given = usize::try_from(encoder.total_out() - given).unwrap_or_default();
            rest = rest.get(taken..).unwrap_or_default();
            out.extend_from_slice(self.scratch.get(..given).unwrap_or_default());
            // The encoder has not filled the buffer, so it has no more output.
            if rest.is_empty() && given < self.scratch.len() {
                return Ok(());
            }
        }
    }
}

/// Appends a stored block: its type, its length, the complement of the length, and the bytes. The
/// output before it must end at a byte boundary.
fn store(block: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
    out.push(0);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(block);
}

/// Returns whether it is worth searching for repetitions: whether at more than one in 64 positions
/// the next four bytes have occurred before in the block. In text, the first lines are enough to
/// decide.
fn repeats(block: &[u8]) -> bool {
    const SLOTS: usize = 4096;
    let mut seen = [0u32; SLOTS];
    let mut left = block.len() / 64;
    for four in block.windows(4) {
        let Ok(four) = <[u8; 4]>::try_from(four) else { continue };
        let four = u32::from_le_bytes(four);
        let slot = (four.wrapping_mul(0x9e37_79b1) >> 20) as usize;
        let Some(before) = seen.get_mut(slot) else { continue };
        if std::mem::replace(before, four) == four {
            match left.checked_sub(1) {
                Some(fewer) => left = fewer,
                None => return true,
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use flate2::{Decompress, FlushDecompress};

    use super::*;

    /// Makes pseudo-random base64 in lines, the same in every run.
    fn base64(len: usize, mut state: u64) -> Vec<u8> {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = Vec::with_capacity(len);
        while out.len() < len {
            if out.len() % 78 == 76 {
                out.extend_from_slice(b"\r\n");
            }
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            out.push(LETTERS[(state >> 20) as usize % 64]);
        }
        out
    }

    fn text(len: usize) -> Vec<u8> {
        let line = |n: usize| format!("line {n} of a letter that says little, {}\r\n", n * 7919);
        (0..).flat_map(|n| line(n).into_bytes()).take(len).collect()
    }

    fn encoded(level: u32, parts: &[&[u8]], flush_each: bool) -> Vec<u8> {
        let mut encoder = Encoder::new(level);
        let mut out = Vec::new();
        for part in parts {
            encoder.encode(part, &mut out).unwrap();
            if flush_each {
                encoder.flush(&mut out).unwrap();
            }
        }
        encoder.flush(&mut out).unwrap();
        out
    }

    #[test]
    fn letters_and_repetitions_follow_each_other_in_any_order() {
        let (letters, text) = (base64(100_000, 3), text(100_000));
        let cuts = [1, 100, 5_000, 16_384, 16_385, 40_000, 70_000, 99_999];
        let mut parts: Vec<&[u8]> = Vec::new();
        for (n, cut) in cuts.iter().enumerate() {
            // The same bytes occur repeatedly, so that a wrong reference would be noticed.
            parts.extend([&text[..*cut], &letters[n..(*cut).max(n)], &text[100..][..*cut / 2]]);
            parts.extend([&letters[..*cut / 3], &letters[..*cut]]);
        }
        let whole = parts.concat();
        for level in [0, 1, 3, 6, 9] {
            for flush_each in [false, true] {
                let raw = encoded(level, &parts, flush_each);
                let mut plain = Vec::with_capacity(whole.len() + 1);
                let mut decoder = Decompress::new(false);
                decoder.decompress_vec(&raw, &mut plain, FlushDecompress::Sync).unwrap();
                assert!(plain == whole, "level {level}");
            }
        }
    }

    #[test]
    fn the_level_may_change_between_any_two_blocks() {
        let (letters, text) = (base64(60_000, 3), text(60_000));
        let mut encoder = Encoder::new(6);
        let (mut raw, mut whole) = (Vec::new(), Vec::new());
        for (n, level) in [6, 0, 6, 7, 1, 3, 1, 0, 0, 9, 1, 9, 6, 3, 0, 7].iter().enumerate() {
            encoder.set_level(*level);
            for part in [&text[n..30_000], &letters[n..40_000], &text[..40_000 - n]] {
                encoder.encode(part, &mut raw).unwrap();
                whole.extend_from_slice(part);
                if n % 3 == 0 {
                    encoder.flush(&mut raw).unwrap();
                }
            }
        }
        encoder.flush(&mut raw).unwrap();
        let mut plain = Vec::with_capacity(whole.len() + 1);
        Decompress::new(false).decompress_vec(&raw, &mut plain, FlushDecompress::Sync).unwrap();
        assert!(plain == whole);
    }

    #[test]
    fn storing_adds_next_to_nothing() {
        let text = text(1 << 20);
        assert!(encoded(0, &[&text], false).len() < text.len() + 500);
    }

    #[test]
    fn attachments_do_not_grow_by_being_fast() {
        let letters = base64(1 << 20, 5);
        assert!(encoded(3, &[&letters], false).len() * 100 < letters.len() * 78);
        let text = text(1 << 20);
        assert!(encoded(3, &[&text], false).len() * 4 < text.len());
    }

    #[test]
    fn text_and_attachments_are_distinguished() {
        assert!(repeats(&text(BLOCK_BYTES)));
        for seed in 1..50 {
            assert!(!repeats(&base64(BLOCK_BYTES, seed)));
        }
    }
}
