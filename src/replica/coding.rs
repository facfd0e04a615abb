//! Encodes the bytes between the commands and the socket. Sent bytes are compressed with deflate,
//! then protected by a SASL security layer, then encrypted with TLS.

use std::os::fd::AsFd;
use std::time::Instant;

use super::deflate::Deflate;
use super::effort::{Packed, Written};
use super::layer::Layer;
use super::pace::Pace;
use super::tls::Channel;
use crate::error::Result;
use crate::settings::DeflateLevel;

/// Number of bytes that are collected before they are compressed or encrypted. Commands are written
/// word by word.
const CHUNK: usize = 64 << 10;
/// Approximate number of bytes that are decompressed before the caller handles them.
const INFLATE_STEP: usize = 256 << 10;

/// Up to this many bytes, a good compression costs almost nothing.
const SMALL_BYTES: usize = 16 << 10;
/// The minimum level for up to [`SMALL_BYTES`] bytes.
const SMALL_LEVEL: u32 = 6;

/// The encodings that a connection uses, with the buffers between them.
#[derive(Default)]
pub struct Coding {
    pub(super) tls: Option<Box<Channel>>,
    pub(super) layer: Option<Box<dyn Layer>>,
    pub(super) deflate: Option<Deflate>,
    /// Chooses the level of `deflate`, unless the level is fixed.
    pub(super) pace: Option<Box<Pace>>,
    done: Packed,
    /// Whether something was compressed since the last flush.
    flowing: bool,
    /// Written bytes that are not compressed or encrypted yet.
    plain: Vec<u8>,
    /// When sending: the output of one encoding, which is the input of the next one. Empty between
    /// calls.
    packed: Vec<u8>,
    /// When receiving: the output of TLS.
    opened: Vec<u8>,
    /// When receiving: the output of the security layer.
    unwrapped: Vec<u8>,
    /// Received bytes that are not decompressed yet.
    packed_in: Vec<u8>,
    /// Whether more can be decompressed before the next read from the socket.
    inflating: bool,
}

impl Coding {
    /// Returns the TLS layer, if there is one.
    pub fn tls(&self) -> Option<&Channel> {
        self.tls.as_deref()
    }

    /// Returns whether there is a SASL security layer.
    pub fn has_layer(&self) -> bool {
        self.layer.is_some()
    }

    /// Returns whether the connection is compressed.
    pub fn is_compressed(&self) -> bool {
        self.deflate.is_some()
    }

    /// Starts compression in both directions.
    pub(super) fn start_deflate(&mut self, level: DeflateLevel) {
        let level = match level {
            DeflateLevel::Fixed(level) => level,
            DeflateLevel::Auto => self.pace.insert(Box::new(Pace::new())).level(),
        };
        self.deflate = Some(Deflate::new(level));
    }

    /// Returns the current deflate level, or `None` if the level is fixed.
    pub(super) fn level(&self) -> Option<u32> {
        self.pace.as_ref().map(|pace| pace.level())
    }

    /// Marks the start of a command. `idle` tells whether the replica has no other command to work
    /// on. The compression level may change here.
    pub(super) fn begin_command(&mut self, idle: bool) -> Written {
        let begun = self.pace.as_mut().map(|pace| pace.begin_command(idle, &self.done));
        begun.unwrap_or_default()
    }

    /// Marks the end of a command of `bytes` bytes. Returns how the command was compressed, or
    /// `None` if the level is fixed or has changed since the start.
    pub(super) fn end_command(&mut self, begun: Written, bytes: u64) -> Option<Written> {
        self.pace.as_mut()?.end_command(begun, bytes, &self.done)
    }

    /// Records that decoded bytes have arrived; `total` is the number of all bytes so far.
    pub(super) fn received(&mut self, total: u64) {
        if let Some(pace) = &mut self.pace {
            pace.received(total);
        }
    }

    /// Records the reply to a command of `bytes` bytes. `end` is the position of the reply's last
    /// byte among all received bytes.
    pub(super) fn confirmed(&mut self, written: Option<Written>, bytes: u64, end: u64) {
        if let Some(pace) = &mut self.pace {
            pace.confirmed(written, bytes, end);
        }
    }

    /// Takes a measurement before more bytes are passed to the socket. `is_held` tells whether our
    /// own bandwidth limit may delay them.
    pub(super) fn sample(&mut self, socket: &impl AsFd, is_held: bool) {
        if let Some(pace) = &mut self.pace {
            pace.sample(socket, is_held, &self.done);
        }
    }

    /// Returns whether there are written bytes that are not compressed or encrypted yet.
    pub(super) fn holds_back(&self) -> bool {
        !self.plain.is_empty()
    }

    /// Returns whether more can be decompressed before the next read from the socket.
    pub(super) fn is_inflating(&self) -> bool {
        self.inflating
    }

    /// Encodes bytes to send. Appends to `out` those that are ready for the socket, and keeps the
    /// others.
    pub(super) fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if self.deflate.is_none() && self.layer.is_none() && self.tls.is_none() {
            out.extend_from_slice(bytes);
            return Ok(());
        }
        self.plain.extend_from_slice(bytes);
        if self.plain.len() < CHUNK {
            return Ok(());
        }
        self.encode(false, out)
    }

    /// Compresses and encrypts the written bytes that were kept. With `flush`, the encoders keep no
    /// output back.
    pub(super) fn encode(&mut self, flush: bool, out: &mut Vec<u8>) -> Result<()> {
        let small = flush && !self.flowing && self.plain.len() <= SMALL_BYTES;
        self.flowing = !flush;
        let Coding { tls, layer, deflate, pace, done, plain, packed, .. } = self;
        // The output of each stage replaces its input.
        if let Some(deflate) = deflate {
            if let Some(level) = pace.as_ref().map(|pace| pace.level()) {
                deflate.set_level(if small { level.max(SMALL_LEVEL) } else { level });
            }
            let begun = Instant::now();
            deflate.write(plain, packed)?;
            if flush {
                deflate.flush(packed)?;
            }
            done.plain += plain.len() as u64;
            done.packed += packed.len() as u64;
            done.work += begun.elapsed();
            std::mem::swap(plain, packed);
            packed.clear();
        }
        if let Some(layer) = layer {
            layer.wrap(plain, packed)?;
            std::mem::swap(plain, packed);
            packed.clear();
        }
        match tls {
            Some(tls) => tls.write(plain, out)?,
            None => out.extend_from_slice(plain),
        }
        plain.clear();
        Ok(())
    }

    /// Decrypts and decompresses received bytes, and appends them to `input`. Appends to `out` the
    /// bytes that TLS must send in reply. Returns whether the peer has closed TLS.
    pub(super) fn decode(
        &mut self,
        received: &[u8],
        input: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let Coding { tls, layer, opened, unwrapped, .. } = self;
        opened.clear();
        unwrapped.clear();
        let mut bytes = received;
        let mut ended = false;
        if let Some(tls) = tls {
            ended = tls.read(bytes, opened, out)?;
            bytes = opened;
        }
        if let Some(layer) = layer {
            layer.unwrap(bytes, unwrapped)?;
            bytes = unwrapped;
        }
        if self.deflate.is_some() {
            self.packed_in.extend_from_slice(bytes);
            self.inflate(input)?;
        } else {
            input.extend_from_slice(bytes);
        }
        Ok(ended)
    }

    /// Decompresses a part of the received bytes that were kept. A part is enough, to limit the
    /// memory.
    pub(super) fn inflate(&mut self, input: &mut Vec<u8>) -> Result<()> {
        let Coding { deflate, packed_in, .. } = self;
        let Some(deflate) = deflate else { return Ok(()) };
        let (taken, more) = deflate.read(packed_in, input, INFLATE_STEP)?;
        packed_in.drain(..taken.min(packed_in.len()));
        self.inflating = more;
        Ok(())
    }
}
