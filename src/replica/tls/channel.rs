//! Encrypts and decrypts the bytes of one connection. The caller reads and writes the socket.

use std::io::{self, Read, Write};

use rustls::{ClientConnection, ProtocolVersion};

use super::failure::lost;
use super::{Setup, der};
use crate::error::{Error, Kind, Result};

/// The label of `tls-exporter` (RFC 9266).
const EXPORTER: &[u8] = b"EXPORTER-Channel-Binding";

/// The TLS state of one connection.
pub struct Channel {
    connection: ClientConnection,
    setup: Setup,
    /// Whether the login is over. The setup is then correct, so an error means that the connection
    /// was lost.
    is_in_use: bool,
}

impl Channel {
    /// Makes the state of a connection before the handshake.
    pub fn new(setup: Setup) -> Result<Channel> {
        let connection = ClientConnection::new(setup.config.clone(), setup.name.clone())
            .map_err(|e| Error::new(Kind::Internal, "begin", "TLS", e.to_string()))?;
        Ok(Channel { connection, setup, is_in_use: false })
    }

    /// Returns the setup of the handshake.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Returns whether the handshake is not finished, so that no data can be sent yet.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Records that the login is over. Errors are from now on those of a lost connection.
    pub fn begin_use(&mut self) {
        self.is_in_use = true;
    }

    /// Appends all bytes that must be sent, including those of the handshake.
    pub fn pending(&mut self, out: &mut Vec<u8>) -> Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(out).map_err(|e| own_fault(&e))?;
        }
        Ok(())
    }

    /// Encrypts bytes and appends the result to `out`.
    pub fn write(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        while !bytes.is_empty() {
            let taken = self.connection.writer().write(bytes).map_err(|e| own_fault(&e))?;
            bytes = bytes.get(taken..).unwrap_or_default();
            self.pending(out)?;
        }
        Ok(())
    }

    /// Decrypts bytes. Appends the result to `clear`, and bytes that must be sent in reply to
    /// `out`. Returns whether the peer has closed its direction.
    ///
    /// # Errors
    /// [`Kind::Tls`] if the bytes are not valid, or [`Kind::Protocol`] after
    /// [`Channel::begin_use`]. `out` then contains the TLS alert for the peer.
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
            let state = state.map_err(|e| self.explain(&e))?;
            closed = state.peer_has_closed();
            let start = clear.len();
            clear.resize(start + state.plaintext_bytes_to_read(), 0);
            let fresh = clear.get_mut(start..).unwrap_or_default();
            self.connection.reader().read_exact(fresh).map_err(|e| own_fault(&e))?;
            if bytes.len() == before && fresh.is_empty() {
                return Err(own_fault(&io::Error::other("decryption makes no progress")));
            }
        }
        Ok(closed)
    }

    fn explain(&self, error: &rustls::Error) -> Error {
        if self.is_in_use { lost(error) } else { self.setup.explain(error) }
    }

    /// Appends the TLS alert that ends the connection (`close_notify`).
    pub fn close(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.connection.send_close_notify();
        self.pending(out)
    }

    /// Returns version, cipher and negotiated protocol, for the log.
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

    /// Returns channel binding data and its type (RFC 9266). Only TLS 1.3 has it. For TLS 1.2 there
    /// is only `tls-unique`, which rustls does not offer.
    pub fn exporter(&self) -> Option<(&'static str, Vec<u8>)> {
        if self.connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            return None;
        }
        let data = self.connection.export_keying_material([0; 32], EXPORTER, None).ok()?;
        Some(("tls-exporter", data.to_vec()))
    }

    /// Returns channel binding data that is computed from the replica's certificate
    /// (`tls-server-end-point`).
    pub fn end_point(&self) -> Option<Vec<u8>> {
        der::end_point(self.connection.peer_certificates()?.first()?)
    }
}

fn own_fault(error: &io::Error) -> Error {
    Error::new(Kind::Tls, "encrypt the connection to", "the replica", error.to_string())
}
