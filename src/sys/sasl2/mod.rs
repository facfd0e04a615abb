//! Uses the platform's libsasl2 (Cyrus SASL) for the client's part of an exchange, with one of its
//! plugins, and for the security layer that may follow.
//!
//! libsasl2 is initialised once in a process and stays initialised. It loads its plugins then, from
//! its own search path. The state that plugins share is protected only if the program has given
//! libsasl2 mutexes. Therefore only one exchange runs at a time here, see [`Turn`].

mod callbacks;
mod remains;
mod turn;

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr;

use sasl2_sys::sasl::{
    SASL_CONTINUE, SASL_MAXOUTBUF, SASL_NEED_PROXY, SASL_OK, SASL_SEC_NOANONYMOUS,
    SASL_SEC_NOPLAINTEXT, SASL_SEC_PROPS, SASL_SSF, SASL_SSF_EXTERNAL, sasl_client_init,
    sasl_client_new, sasl_client_start, sasl_client_step, sasl_conn_t, sasl_decode, sasl_encode,
    sasl_errdetail, sasl_errstring, sasl_getprop, sasl_security_properties_t, sasl_setprop,
    sasl_ssf_t,
};
use zeroize::Zeroizing;

use callbacks::{Answers, GLOBAL, callbacks, secret};
use remains::{Kept, Remains};
pub use turn::{Turn, is_busy};

/// Longest packet of the layer that is accepted, and most bytes that are passed to the layer at
/// once.
const BUFFER: usize = 64 << 10;
/// Strongest layer, in bits, that is negotiated without TLS.
const STRONGEST: sasl_ssf_t = 256;
/// Minimum strength of TLS, in bits.
const TLS_BITS: sasl_ssf_t = 128;
/// Characters of a libsasl2 message that are passed on.
const MESSAGE: usize = 240;

/// The server of an exchange, and the conditions of the connection.
pub struct Peer {
    /// `csync` or `imap`: the service in a Kerberos principal.
    pub service: &'static str,
    /// The server's name, as configured.
    pub host: String,
    /// Whether the connection uses TLS. Then no security layer is negotiated.
    pub encrypted: bool,
    /// Whether a mechanism may send the password in plain text.
    pub plaintext: bool,
}

/// The identity to log in with. Fields that are not set are not offered to the plugin, which may
/// not need them.
pub struct Who {
    /// The name of the user whose password or ticket is used.
    pub authname: Option<String>,
    /// The password; a copy that is overwritten when the exchange is dropped.
    pub password: Option<Zeroizing<String>>,
    /// The realm for DIGEST-MD5, if the server offers several.
    pub realm: Option<String>,
    /// The user to act as; empty for the same user.
    pub authzid: String,
}

/// One exchange, and later the connection's security layer.
pub struct Exchange {
    conn: *mut sasl_conn_t,
    /// Set until the exchange is dropped.
    kept: Option<Kept>,
}

// SAFETY: a connection of libsasl2 is not tied to a thread, and its plugins keep no thread state
// between calls. Only one thread may use it at a time, which `&mut` guarantees: no method takes
// `&Exchange`. The data that it points to is owned by the exchange, does not change, and is freed
// by the thread that owns the exchange.
unsafe impl Send for Exchange {}

/// Bytes that are overwritten in memory when they are dropped.
pub type Secret = Zeroizing<Vec<u8>>;

/// The progress of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More steps follow.
    Continue,
    /// The client's part is complete.
    Done,
}

impl Exchange {
    /// Creates an exchange. The mechanism is chosen later.
    ///
    /// # Errors
    /// The message of libsasl2.
    pub fn new(turn: &Turn, peer: &Peer, who: &Who) -> Result<Exchange, String> {
        initialise(turn)?;
        let service = text(peer.service)?;
        let host = text(&peer.host)?;
        let answers = Box::new(Answers {
            user: text(&who.authzid)?,
            authname: who.authname.as_deref().map(text).transpose()?,
            realm: who.realm.as_deref().map(text).transpose()?,
            secret: who.password.as_ref().map(|password| secret(password)),
        });
        let callbacks = callbacks(&answers);
        let flags = if who.authzid.is_empty() { 0 } else { SASL_NEED_PROXY };
        let mut conn = ptr::null_mut();
        // SAFETY: all strings are C strings. The callbacks end with SASL_CB_LIST_END and have the
        // types that their ids require. They and their data are in boxes, which do not move, until
        // after `sasl_dispose`.
        let code = unsafe {
            sasl_client_new(
                service.as_ptr(),
                host.as_ptr(),
                ptr::null(),
                ptr::null(),
                callbacks.as_ptr(),
                flags,
                &mut conn,
            )
        };
        if code != SASL_OK || conn.is_null() {
            return Err(code_text(code));
        }
        let kept = Some(Kept { _callbacks: callbacks, _answers: answers });
        let mut exchange = Exchange { conn, kept };
        exchange.secure(peer)?;
        Ok(exchange)
    }

    fn secure(&mut self, peer: &Peer) -> Result<(), String> {
        let plaintext = if peer.plaintext { 0 } else { SASL_SEC_NOPLAINTEXT };
        let properties = sasl_security_properties_t {
            min_ssf: 0,
            max_ssf: if peer.encrypted { 0 } else { STRONGEST },
            maxbufsize: BUFFER as c_uint,
            security_flags: SASL_SEC_NOANONYMOUS | plaintext,
            property_names: ptr::null_mut(),
            property_values: ptr::null_mut(),
        };
        // SAFETY: the property has this type, and libsasl2 copies it.
        let code = unsafe {
            sasl_setprop(self.conn, SASL_SEC_PROPS as c_int, (&raw const properties).cast())
        };
        self.check(code)?;
        let external: sasl_ssf_t = if peer.encrypted { TLS_BITS } else { 0 };
        // SAFETY: the property has this type, and libsasl2 copies it.
        let code = unsafe {
            sasl_setprop(self.conn, SASL_SSF_EXTERNAL as c_int, (&raw const external).cast())
        };
        self.check(code).map(drop)
    }

    /// Chooses a mechanism. With `initial`, the mechanism may start with a response. The call may
    /// wait as long as the plugin does, for example for a Kerberos server.
    ///
    /// # Errors
    /// The message of libsasl2, for example that there is no plugin or no ticket.
    pub fn start(
        &mut self,
        _: &Turn,
        mechanism: &str,
        initial: bool,
    ) -> Result<(Option<Secret>, Progress), String> {
        let name = text(mechanism)?;
        let (mut bytes, mut length): (*const c_char, c_uint) = (ptr::null(), 0);
        let mut chosen = ptr::null();
        let (to_bytes, to_length) = if initial {
            (&raw mut bytes, &raw mut length)
        } else {
            (ptr::null_mut(), ptr::null_mut())
        };
        // SAFETY: the connection is alive, `name` is a C string, and the output pointers point to
        // local variables. Without `prompt_need`, libsasl2 only uses the callbacks.
        let code = unsafe {
            sasl_client_start(
                self.conn,
                name.as_ptr(),
                ptr::null_mut(),
                to_bytes,
                to_length,
                &mut chosen,
            )
        };
        let progress = self.check(code)?;
        // SAFETY: libsasl2 has just set them, and keeps the bytes until its next call.
        let response = unsafe { copied(bytes, length) };
        Ok((response.map(Zeroizing::new), progress))
    }

    /// Answers a challenge. May wait like [`Exchange::start`].
    ///
    /// # Errors
    /// The message of libsasl2.
    pub fn step(&mut self, _: &Turn, challenge: &[u8]) -> Result<(Secret, Progress), String> {
        let size = c_uint::try_from(challenge.len()).map_err(|_| "its challenge is too long")?;
        let (mut bytes, mut length): (*const c_char, c_uint) = (ptr::null(), 0);
        // Some plugins read a challenge as a C string, so add a NUL after it.
        let mut ended = Zeroizing::new(Vec::with_capacity(challenge.len() + 1));
        ended.extend_from_slice(challenge);
        ended.push(0);
        // SAFETY: the connection is alive, the challenge has `size` bytes, and the output pointers
        // point to local variables.
        let code = unsafe {
            sasl_client_step(
                self.conn,
                ended.as_ptr().cast(),
                size,
                ptr::null_mut(),
                &mut bytes,
                &mut length,
            )
        };
        let progress = self.check(code)?;
        // SAFETY: libsasl2 has just set them, and keeps the bytes until its next call.
        let response = unsafe { copied(bytes, length) };
        Ok((Zeroizing::new(response.unwrap_or_default()), progress))
    }

    /// Returns the strength of the security layer in bits and the size of its packets in bytes.
    /// Returns `None` if there is no layer.
    ///
    /// # Errors
    /// The message of libsasl2.
    pub fn layer(&mut self) -> Result<Option<(u32, usize)>, String> {
        let bits = match self.number(SASL_SSF)? {
            0 => return Ok(None),
            bits => bits,
        };
        match self.number(SASL_MAXOUTBUF)? as usize {
            0 => Err("the security layer has no room for data".into()),
            most => Ok(Some((bits, most.min(BUFFER)))),
        }
    }

    fn number(&mut self, property: c_uint) -> Result<c_uint, String> {
        let mut value: *const c_void = ptr::null();
        // SAFETY: the connection is alive, and libsasl2 writes one pointer.
        let code = unsafe { sasl_getprop(self.conn, property as c_int, &mut value) };
        self.check(code)?;
        if value.is_null() {
            return Err("libsasl2 does not tell about its security layer".into());
        }
        // SAFETY: both properties have the type `unsigned` and are part of the connection.
        Ok(unsafe { value.cast::<c_uint>().read() })
    }

    /// Protects bytes, at most as many as [`Exchange::layer`] returned.
    ///
    /// # Errors
    /// The message of libsasl2.
    pub fn encode(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        self.code(sasl_encode, bytes, out)
    }

    /// Removes the protection. Incomplete packets are kept for the next call.
    ///
    /// # Errors
    /// The message of libsasl2, for example that the bytes were modified.
    pub fn decode(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        bytes.chunks(BUFFER).try_for_each(|part| self.code(sasl_decode, part, out))
    }

    fn code(&mut self, coder: Coder, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let size = c_uint::try_from(bytes.len()).map_err(|_| "too many bytes at once")?;
        let (mut coded, mut length): (*const c_char, c_uint) = (ptr::null(), 0);
        // SAFETY: `sasl_encode` or `sasl_decode`. The connection is alive, `bytes` has `size`
        // bytes, and the output pointers point to local variables.
        let code =
            unsafe { coder(self.conn, bytes.as_ptr().cast(), size, &mut coded, &mut length) };
        self.check(code)?;
        // SAFETY: libsasl2 has just set them, and keeps the bytes until its next call.
        out.extend(unsafe { copied(coded, length) }.unwrap_or_default());
        Ok(())
    }

    fn check(&mut self, code: c_int) -> Result<Progress, String> {
        match code {
            SASL_OK => Ok(Progress::Done),
            SASL_CONTINUE => Ok(Progress::Continue),
            code => {
                // SAFETY: the connection is alive, and the C string is valid until its next call.
                let detail = unsafe { lossy(sasl_errdetail(self.conn)) };
                Err(if detail.is_empty() { code_text(code) } else { detail })
            }
        }
    }
}

type Coder = unsafe extern "C" fn(
    *mut sasl_conn_t,
    *const c_char,
    c_uint,
    *mut *const c_char,
    *mut c_uint,
) -> c_int;

impl Drop for Exchange {
    fn drop(&mut self) {
        turn::dispose(Remains { conn: self.conn, _kept: self.kept.take() });
    }
}

/// Initialises libsasl2.
fn initialise(_: &Turn) -> Result<(), String> {
    // SAFETY: the callbacks are static and end with SASL_CB_LIST_END. The turn keeps other threads
    // out. If the program has initialised libsasl2 itself, its own callbacks stay in use.
    match *turn::READY.get_or_init(|| unsafe { sasl_client_init(GLOBAL.list()) }) {
        SASL_OK => Ok(()),
        code => Err(format!("libsasl2 cannot be used: {}", code_text(code))),
    }
}

fn text(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|_| "a name holds a NUL".to_owned())
}

/// # Safety
/// `bytes` is null or points to `length` bytes.
unsafe fn copied(bytes: *const c_char, length: c_uint) -> Option<Vec<u8>> {
    if bytes.is_null() {
        return None;
    }
    // SAFETY: guaranteed by the caller.
    Some(unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length as usize) }.to_vec())
}

/// # Safety
/// `text` is null or a C string.
unsafe fn lossy(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: guaranteed by the caller.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE).collect()
}

fn code_text(code: c_int) -> String {
    // SAFETY: returns a static C string for every number.
    unsafe { lossy(sasl_errstring(code, ptr::null(), ptr::null_mut())) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn turn() -> Turn {
        Turn::take(Duration::from_secs(60)).expect("others take a moment")
    }

    fn exchange(turn: &Turn, password: Option<&str>) -> Exchange {
        let host = "localhost".to_owned();
        let peer = Peer { service: "csync", host, encrypted: false, plaintext: false };
        let who = Who {
            authname: Some("repl".into()),
            password: password.map(|password| password.to_owned().into()),
            realm: Some("r".into()),
            authzid: String::new(),
        };
        Exchange::new(turn, &peer, &who).unwrap()
    }

    #[test]
    fn what_has_no_plugin_or_no_password_or_is_forbidden_is_told() {
        let turn = &turn();
        assert!(
            exchange(turn, Some("x")).start(turn, "NO-SUCH", true).unwrap_err().contains("SASL")
        );
        assert!(exchange(turn, None).start(turn, "DIGEST-MD5", false).is_err());
        // These mechanisms would send the password in plain text, or log in without a user.
        assert!(exchange(turn, Some("x")).start(turn, "PLAIN", true).is_err());
        assert!(exchange(turn, Some("x")).start(turn, "ANONYMOUS", true).is_err());
        assert!(exchange(turn, Some("x")).start(turn, "A\0B", true).is_err());
    }

    #[test]
    fn a_digest_is_answered_once_and_its_layer_takes_no_nonsense() {
        let turn = &turn();
        let mut exchange = exchange(turn, Some("pass\"word"));
        let (initial, progress) = exchange.start(turn, "DIGEST-MD5", false).unwrap();
        assert_eq!((initial, progress), (None, Progress::Continue));
        assert_eq!(exchange.layer(), Ok(None), "there is none yet");
        let challenge = b"nonce=\"abc\",realm=\"r\",qop=\"auth-int\",maxbuf=4096,charset=utf-8,\
                          algorithm=md5-sess";
        let (response, progress) = exchange.step(turn, challenge).unwrap();
        assert_eq!(progress, Progress::Continue);
        let response = String::from_utf8(response.to_vec()).unwrap();
        assert!(response.contains("username=\"repl\""), "{response}");
        assert!(!response.contains("word"), "{response}");
        // This server does not know the password.
        assert!(exchange.step(turn, b"rspauth=00000000000000000000000000000000").is_err());
    }

    #[test]
    fn an_exchange_that_goes_waits_for_nobody_and_is_disposed_of_when_the_turn_ends() {
        let first = turn();
        let mut held = exchange(&first, Some("x"));
        held.start(&first, "DIGEST-MD5", false).unwrap();
        let conn = held.conn;
        drop(held);
        assert!(turn::waits(conn));
        assert!(Turn::take(Duration::ZERO).is_none(), "it is somebody's turn");
        assert!(is_busy());
        drop(first);
        assert!(!turn::waits(conn));
    }
}
