//! Uses the libsasl2 of the platform (Cyrus SASL) as the client of a SASL exchange (a login). One
//! of its plugins handles the mechanism, and may add a security layer, which protects the data
//! after the login.
//!
//! libsasl2 is initialised once in a process and stays initialised. When it is initialised, it
//! loads its plugins from its own search path. The state that plugins share is protected only if
//! the program has given mutexes to libsasl2. Therefore only one exchange runs at a time, see
//! [`Turn`].

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

/// Longest packet of the security layer that is accepted, in bytes. Also the most bytes that are
/// passed to the layer at once.
const BUFFER: usize = 64 << 10;
/// Strongest security layer, in bits, that is negotiated on a connection without TLS.
const STRONGEST: sasl_ssf_t = 256;
/// Strength of TLS, in bits, that is reported to libsasl2.
const TLS_BITS: sasl_ssf_t = 128;
/// Maximum number of characters that are kept of a message of libsasl2.
const MESSAGE: usize = 240;

/// The server of an exchange, and properties of the connection to it.
pub struct Peer {
    /// The service in the server's Kerberos principal: `csync` or `imap`.
    pub service: &'static str,
    /// The server's name, as configured.
    pub host: String,
    /// Whether the connection uses TLS. If it does, no security layer is negotiated.
    pub encrypted: bool,
    /// Whether a mechanism may send the password in plain text.
    pub plaintext: bool,
}

/// The identity to log in with. The plugin does not receive fields that are not set; it may not
/// need them.
pub struct Who {
    /// The name of the user whose password or ticket is used.
    pub authname: Option<String>,
    /// The password. This copy is overwritten when the exchange is dropped.
    pub password: Option<Zeroizing<String>>,
    /// The realm for DIGEST-MD5, if the server offers several.
    pub realm: Option<String>,
    /// The user to act as. Empty for the user of `authname`.
    pub authzid: String,
}

/// One exchange, and afterwards the security layer of the connection.
pub struct Exchange {
    conn: *mut sasl_conn_t,
    /// The data to which `conn` points. `None` only while the exchange is being dropped.
    kept: Option<Kept>,
}

// SAFETY: a connection of libsasl2 does not belong to a thread, and its plugins keep no thread
// state between calls. Only one thread may use it at a time. `&mut` guarantees this, because no
// method takes `&Exchange`. The exchange owns the data to which the connection points; the data
// does not change, and is freed by the thread that owns the exchange.
unsafe impl Send for Exchange {}

/// Bytes that are overwritten in memory when the value is dropped.
pub type Secret = Zeroizing<Vec<u8>>;

/// The result of a step of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The exchange needs more steps.
    Continue,
    /// The client's part of the exchange is complete.
    Done,
}

impl Exchange {
    /// Creates an exchange. [`Exchange::start`] chooses the mechanism.
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
        // types that their ids require. The callbacks and their data are in boxes, which do not
        // move and are freed only after `sasl_dispose`.
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
        // SAFETY: `properties` has the type of this property, and libsasl2 copies it.
        let code = unsafe {
            sasl_setprop(self.conn, SASL_SEC_PROPS as c_int, (&raw const properties).cast())
        };
        self.check(code)?;
        let external: sasl_ssf_t = if peer.encrypted { TLS_BITS } else { 0 };
        // SAFETY: `external` has the type of this property, and libsasl2 copies it.
        let code = unsafe {
            sasl_setprop(self.conn, SASL_SSF_EXTERNAL as c_int, (&raw const external).cast())
        };
        self.check(code).map(drop)
    }

    /// Starts the exchange with a mechanism. If `initial` is set, the mechanism may create a first
    /// response without a challenge. The call may wait as long as the plugin does, for example for
    /// a Kerberos server.
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
        // SAFETY: the connection is valid, `name` is a C string, and the output pointers point to
        // local variables. Because `prompt_need` is null, libsasl2 only uses the callbacks.
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
        // SAFETY: libsasl2 has just set `bytes` and `length`, and keeps the bytes until its next
        // call.
        let response = unsafe { copied(bytes, length) };
        Ok((response.map(Zeroizing::new), progress))
    }

    /// Returns the response to a challenge. May wait like [`Exchange::start`].
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
        // SAFETY: the connection is valid, the challenge has `size` bytes, and the output pointers
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
        // SAFETY: libsasl2 has just set `bytes` and `length`, and keeps the bytes until its next
        // call.
        let response = unsafe { copied(bytes, length) };
        Ok((Zeroizing::new(response.unwrap_or_default()), progress))
    }

    /// Returns the strength of the security layer in bits, and the maximum number of bytes for
    /// [`Exchange::encode`]. Returns `None` if there is no layer.
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
        // SAFETY: the connection is valid, and libsasl2 writes one pointer to `value`.
        let code = unsafe { sasl_getprop(self.conn, property as c_int, &mut value) };
        self.check(code)?;
        if value.is_null() {
            return Err("libsasl2 gives no information about its security layer".into());
        }
        // SAFETY: both properties have the type `unsigned` and are stored in the connection.
        Ok(unsafe { value.cast::<c_uint>().read() })
    }

    /// Protects bytes with the security layer and appends the result to `out`. `bytes` may be as
    /// long as [`Exchange::layer`] says.
    ///
    /// # Errors
    /// The message of libsasl2.
    pub fn encode(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        self.code(sasl_encode, bytes, out)
    }

    /// Removes the protection from received bytes and appends the result to `out`. Incomplete
    /// packets are kept for the next call.
    ///
    /// # Errors
    /// The message of libsasl2, for example that the bytes were modified.
    pub fn decode(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        bytes.chunks(BUFFER).try_for_each(|part| self.code(sasl_decode, part, out))
    }

    fn code(&mut self, coder: Coder, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let size = c_uint::try_from(bytes.len()).map_err(|_| "too many bytes at once")?;
        let (mut coded, mut length): (*const c_char, c_uint) = (ptr::null(), 0);
        // SAFETY: `coder` is `sasl_encode` or `sasl_decode`. The connection is valid, `bytes` has
        // `size` bytes, and the output pointers point to local variables.
        let code =
            unsafe { coder(self.conn, bytes.as_ptr().cast(), size, &mut coded, &mut length) };
        self.check(code)?;
        // SAFETY: libsasl2 has just set `coded` and `length`, and keeps the bytes until its next
        // call.
        out.extend(unsafe { copied(coded, length) }.unwrap_or_default());
        Ok(())
    }

    fn check(&mut self, code: c_int) -> Result<Progress, String> {
        match code {
            SASL_OK => Ok(Progress::Done),
            SASL_CONTINUE => Ok(Progress::Continue),
            code => {
                // SAFETY: the connection is valid, and the C string is valid until the next call of
                // libsasl2.
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

/// Initialises libsasl2, if this process has not done so yet.
fn initialise(_: &Turn) -> Result<(), String> {
    // SAFETY: the callbacks are static and end with SASL_CB_LIST_END. The turn excludes other
    // threads. If the program has already initialised libsasl2, the program's callbacks stay in
    // use.
    match *turn::READY.get_or_init(|| unsafe { sasl_client_init(GLOBAL.list()) }) {
        SASL_OK => Ok(()),
        code => Err(format!("libsasl2 cannot be used: {}", code_text(code))),
    }
}

fn text(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|_| "a name holds a NUL".to_owned())
}

/// # Safety
/// `bytes` must be null or point to `length` bytes.
unsafe fn copied(bytes: *const c_char, length: c_uint) -> Option<Vec<u8>> {
    if bytes.is_null() {
        return None;
    }
    // SAFETY: the caller guarantees that `bytes` points to `length` bytes.
    Some(unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length as usize) }.to_vec())
}

/// # Safety
/// `text` must be null or a C string.
unsafe fn lossy(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller guarantees that `text` is a C string.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE).collect()
}

fn code_text(code: c_int) -> String {
    // SAFETY: the function returns a static C string for every number.
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
    fn a_missing_plugin_or_password_and_a_forbidden_mechanism_are_errors() {
        let turn = &turn();
        assert!(
            exchange(turn, Some("x")).start(turn, "NO-SUCH", true).unwrap_err().contains("SASL")
        );
        assert!(exchange(turn, None).start(turn, "DIGEST-MD5", false).is_err());
        // The first mechanism would send the password in plain text, the second would log in
        // without a user. The third name is invalid.
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
        // This reply is wrong: it does not prove that the server knows the password.
        assert!(exchange.step(turn, b"rspauth=00000000000000000000000000000000").is_err());
    }

    #[test]
    fn a_dropped_exchange_does_not_block_and_is_freed_when_the_turn_ends() {
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
