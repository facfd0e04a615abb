//! The layer itself: clear bytes to records and back. It owns no socket.

use std::io::{self, Read, Write};

use rustls::{ClientConnection, ProtocolVersion};

use super::{Setup, der};
use crate::error::{Error, Kind, Result};

/// Label of `tls-exporter` (RFC 9266).
const EXPORTER: &[u8] = b"EXPORTER-Channel-Binding";

/// One connection's encryption.
pub struct Channel {
    connection: ClientConnection,
    setup: Setup,
}

impl Channel {
    /// Before the handshake.
    pub fn new(setup: Setup) -> Result<Channel> {
        let connection = ClientConnection::new(setup.config.clone(), setup.name.clone())
            .map_err(|e| Error::new(Kind::Internal, "begin", "TLS", e.to_string()))?;
        Ok(Channel { connection, setup })
    }

    /// What it was made of.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Whether clear bytes cannot be sent yet.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Appends what has to be sent, of the handshake too.
    pub fn pending(&mut self, out: &mut Vec<u8>) -> Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(out).map_err(|e| own_fault(&e))?;
        }
        Ok(())
    }

    /// Encrypts bytes.
    pub fn write(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        while !bytes.is_empty() {
            let taken = self.connection.writer().write(bytes).map_err(|e| own_fault(&e))?;
            bytes = bytes.get(taken..).unwrap_or_default();
            self.pending(out)?;
        }
        Ok(())
    }

    /// Decrypts bytes: what comes out is appended to `clear`, what must be answered to `out`.
    /// Says whether the peer has said that nothing more comes.
    ///
    /// # Errors
    /// [`Kind::Tls`]; what the peer should be told of it is in `out`.
    pub fn read(
        &mut self,
        mut bytes: &[u8],
        clear: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let mut closed = false;
        while !bytes.is_empty() && !closed {
            let before = bytes.len();
            self.connection.read_tls(&mut bytes).map_err(|e| own_fault(&e))?;
            let state = self.connection.process_new_packets();
            self.pending(out)?;
            let state = state.map_err(|e| self.setup.explain(&e))?;
            closed = state.peer_has_closed();
            let start = clear.len();
            clear.resize(start + state.plaintext_bytes_to_read(), 0);
            let fresh = clear.get_mut(start..).unwrap_or_default();
            self.connection.reader().read_exact(fresh).map_err(|e| own_fault(&e))?;
            if bytes.len() == before && fresh.is_empty() {
                return Err(own_fault(&io::Error::other("it makes no progress")));
            }
        }
        Ok(closed)
    }

    /// Says that nothing more comes.
    pub fn close(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.connection.send_close_notify();
        self.pending(out)
    }

    /// Version, cipher and what was agreed to speak, for the log.
    pub fn describe(&self) -> String {
        let version = match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
            other => format!("{other:?}"),
        };
        let suite = self.connection.negotiated_cipher_suite().map(|suite| suite.suite());
        let suite = suite.and_then(|suite| suite.as_str()).unwrap_or("unknown");
        let alpn = self.connection.alpn_protocol().map(String::from_utf8_lossy);
        let alpn = alpn.map(|name| format!(" for {name}")).unwrap_or_default();
        format!("{version} with cipher {suite}{alpn}")
    }

    /// Channel binding data by the name of its kind; of TLS 1.3 alone, for before it there is
    /// only `tls-unique`, which rustls rightly does not give.
    pub fn exporter(&self) -> Option<(&'static str, Vec<u8>)> {
        if self.connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            return None;
        }
        let data = self.connection.export_keying_material([0; 32], EXPORTER, None).ok()?;
        Some(("tls-exporter", data.to_vec()))
    }

    /// Channel binding by the replica's certificate.
    pub fn end_point(&self) -> Option<Vec<u8>> {
        der::end_point(self.connection.peer_certificates()?.first()?)
    }
}

fn own_fault(error: &io::Error) -> Error {
    Error::new(Kind::Tls, "encrypt the connection to", "the replica", error.to_string())
}
