//! What bytes go through between the commands and the socket: deflate, a security layer of SASL,
//! TLS.

use std::os::fd::AsFd;
use std::time::Instant;

use super::deflate::Deflate;
use super::effort::{Packed, Written};
use super::layer::Layer;
use super::pace::Pace;
use super::tls::Channel;
use crate::error::Result;
use crate::settings::DeflateLevel;

/// Bytes that are collected before they are compressed or encrypted: commands are written word by
/// word.
const CHUNK: usize = 64 << 10;
/// About the bytes that are decompressed before somebody looks at them.
const INFLATE_STEP: usize = 256 << 10;

/// Compressing so little well costs next to nothing.
const SMALL_BYTES: usize = 16 << 10;
/// With this level.
const SMALL_LEVEL: u32 = 6;

/// The stages of a connection, those that it has, with what waits between them.
#[derive(Default)]
pub struct Coding {
    pub(super) tls: Option<Box<Channel>>,
    pub(super) layer: Option<Box<dyn Layer>>,
    pub(super) deflate: Option<Deflate>,
    /// What decides about the level of `deflate`, if that is not fixed.
    pub(super) pace: Option<Box<Pace>>,
    done: Packed,
    /// Whether something was compressed since all was flushed.
    flowing: bool,
    /// Bytes that wait to be compressed or encrypted.
    plain: Vec<u8>,
    /// What one stage hands to the next, on the way out; empty between calls.
    packed: Vec<u8>,
    /// What came out of TLS, on the way in.
    opened: Vec<u8>,
    /// What came out of the security layer.
    unwrapped: Vec<u8>,
    /// What came and waits to be decompressed.
    packed_in: Vec<u8>,
    /// Whether there is more to decompress before anything else is read.
    inflating: bool,
}

impl Coding {
    /// The encryption, if there is one.
    pub fn tls(&self) -> Option<&Channel> {
        self.tls.as_deref()
    }

    /// Whether a security layer protects the bytes.
    pub fn has_layer(&self) -> bool {
        self.layer.is_some()
    }

    /// Whether the bytes are compressed.
    pub fn is_compressed(&self) -> bool {
        self.deflate.is_some()
    }

    /// Compresses from here on, both ways.
    pub(super) fn start_deflate(&mut self, level: DeflateLevel) {
        let level = match level {
            DeflateLevel::Fixed(level) => level,
            DeflateLevel::Auto => self.pace.insert(Box::new(Pace::new())).level(),
        };
        self.deflate = Some(Deflate::new(level));
    }

    /// The level of deflate at this moment, if it is not fixed.
    pub(super) fn level(&self) -> Option<u32> {
        self.pace.as_ref().map(|pace| pace.level())
    }

    /// A command begins to be written; `idle` if the replica has nothing else to do. Its
    /// compression may take another effort from here on.
    pub(super) fn begin_command(&mut self, idle: bool) -> Written {
        let begun = self.pace.as_mut().map(|pace| pace.begin_command(idle, &self.done));
        begun.unwrap_or_default()
    }

    /// A command of so many bytes was written. Returns how, if with one effort.
    pub(super) fn end_command(&mut self, begun: Written, bytes: u64) -> Option<Written> {
        self.pace.as_mut()?.end_command(begun, bytes, &self.done)
    }

    /// Bytes have come, decoded; so many in all.
    pub(super) fn received(&mut self, total: u64) {
        if let Some(pace) = &mut self.pace {
            pace.received(total);
        }
    }

    /// The reply to a command ends with the byte `end` of all that came.
    pub(super) fn confirmed(&mut self, written: Option<Written>, bytes: u64, end: u64) {
        if let Some(pace) = &mut self.pace {
            pace.confirmed(written, bytes, end);
        }
    }

    /// More is about to go to the socket; whether a limit of our own may hold it back.
    pub(super) fn sample(&mut self, socket: &impl AsFd, is_held: bool) {
        if let Some(pace) = &mut self.pace {
            pace.sample(socket, is_held, &self.done);
        }
    }

    /// Whether written bytes wait to be compressed or encrypted.
    pub(super) fn holds_back(&self) -> bool {
        !self.plain.is_empty()
    }

    /// Whether there is more to decompress before anything else is read.
    pub(super) fn is_inflating(&self) -> bool {
        self.inflating
    }

    /// Takes bytes to send, and puts into `out` what is ready for the socket.
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

    /// Compresses and encrypts what waits for that; with `flush` nothing is held back.
    pub(super) fn encode(&mut self, flush: bool, out: &mut Vec<u8>) -> Result<()> {
        let small = flush && !self.flowing && self.plain.len() <= SMALL_BYTES;
        self.flowing = !flush;
        let Coding { tls, layer, deflate, pace, done, plain, packed, .. } = self;
        // Each stage's work takes the place of what it was given.
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

    /// Decrypts and decompresses received bytes into `input`. What TLS answers goes into `out`.
    /// Returns whether TLS has ended.
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

    /// Decompresses a part of what waits for that, so that no more of it is in memory than needed.
    pub(super) fn inflate(&mut self, input: &mut Vec<u8>) -> Result<()> {
        let Coding { deflate, packed_in, .. } = self;
        let Some(deflate) = deflate else { return Ok(()) };
        let (taken, more) = deflate.read(packed_in, input, INFLATE_STEP)?;
        packed_in.drain(..taken.min(packed_in.len()));
        self.inflating = more;
        Ok(())
    }
}
