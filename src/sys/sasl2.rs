//! The platform's libsasl2 (Cyrus SASL): the client's half of an exchange by one of its plugins,
//! and the security layer that it may leave.
//!
//! libsasl2 is initialised once in a process and stays so: its plugins are loaded then, from where
//! it looks for them. Its only other global state, that of plugins, is not guarded by itself
//! unless the program has given it mutexes, so that exchanges here take turns.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr;

use parking_lot::{Mutex, MutexGuard};
use sasl2_sys::sasl::{
    SASL_CB_AUTHNAME, SASL_CB_GETREALM, SASL_CB_LIST_END, SASL_CB_LOG, SASL_CB_PASS, SASL_CB_USER,
    SASL_CONTINUE, SASL_MAXOUTBUF, SASL_NEED_PROXY, SASL_OK, SASL_SEC_NOANONYMOUS,
    SASL_SEC_NOPLAINTEXT, SASL_SEC_PROPS, SASL_SSF, SASL_SSF_EXTERNAL, sasl_callback_t,
    sasl_client_init, sasl_client_new, sasl_client_start, sasl_client_step, sasl_conn_t,
    sasl_decode, sasl_dispose, sasl_encode, sasl_errdetail, sasl_errstring, sasl_getprop,
    sasl_secret_t, sasl_security_properties_t, sasl_setprop, sasl_ssf_t,
};
use zeroize::Zeroizing;

/// Longest packet of the layer that we take, and most bytes that it is given at once.
const BUFFER: usize = 64 << 10;
/// Strongest layer that is negotiated where there is no TLS.
const STRONGEST: sasl_ssf_t = 256;
/// What TLS is worth at the least, in bits.
const TLS_BITS: sasl_ssf_t = 128;
/// Characters of a message of libsasl2 that are passed on.
const MESSAGE: usize = 240;

/// A callback as libsasl2 stores it; it casts it back by the callback's id.
type Stored = unsafe extern "C" fn() -> c_int;

/// Taken for whatever is not about one connection's bytes alone; says whether libsasl2 is ready.
static LIBRARY: Mutex<Option<c_int>> = Mutex::new(None);

/// With whom the exchange is made, and how.
pub struct Peer<'p> {
    /// `csync` or `imap`: the service in a Kerberos principal.
    pub service: &'p str,
    /// The server's name, as configured.
    pub host: &'p str,
    /// Whether TLS is below: then no security layer is wanted.
    pub encrypted: bool,
    /// Whether a mechanism may send the password as it is.
    pub plaintext: bool,
}

/// Who logs in. What is not set is not offered to the plugin, which may do without.
pub struct Who<'w> {
    /// Who proves to be whom.
    pub authname: Option<&'w str>,
    /// Copied, and overwritten when the exchange goes.
    pub password: Option<&'w str>,
    /// Of DIGEST-MD5: where several are offered, the one that is meant.
    pub realm: Option<&'w str>,
    /// Who to act as; empty: the same.
    pub authzid: &'w str,
}

/// What libsasl2 is told by its callbacks. It keeps pointers into it.
struct Answers {
    user: CString,
    authname: Option<CString>,
    realm: Option<CString>,
    /// A `sasl_secret_t`, in words for its alignment.
    secret: Option<Zeroizing<Vec<u64>>>,
}

/// One exchange, and afterwards the connection's security layer.
pub struct Exchange {
    conn: *mut sasl_conn_t,
    // Dropped after the connection, which points into them.
    _callbacks: Box<[sasl_callback_t]>,
    _answers: Box<Answers>,
}

// SAFETY: a connection of libsasl2 belongs to no thread; it must be used by one at a time, which
// `&mut` sees to: there is no method on `&Exchange`.
unsafe impl Send for Exchange {}

/// Bytes that are overwritten in memory when they were used.
pub type Secret = Zeroizing<Vec<u8>>;

/// How far an exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More is to come.
    Continue,
    /// We are satisfied.
    Done,
}

impl Exchange {
    /// Before a mechanism was chosen.
    ///
    /// # Errors
    /// What libsasl2 says.
    pub fn new(peer: &Peer<'_>, who: &Who<'_>) -> Result<Exchange, String> {
        let _turn = library()?;
        let service = text(peer.service)?;
        let host = text(peer.host)?;
        let answers = Box::new(Answers {
            user: text(who.authzid)?,
            authname: who.authname.map(text).transpose()?,
            realm: who.realm.map(text).transpose()?,
            secret: who.password.map(secret),
        });
        let callbacks = callbacks(&answers);
        let flags = if who.authzid.is_empty() { 0 } else { SASL_NEED_PROXY };
        let mut conn = ptr::null_mut();
        // SAFETY: all strings are C strings; the callbacks end with SASL_CB_LIST_END, are of the
        // types that their ids ask for, and stay with what they point to until after
        // `sasl_dispose`, in boxes that do not move.
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
        let mut exchange = Exchange { conn, _callbacks: callbacks, _answers: answers };
        exchange.secure(peer)?;
        Ok(exchange)
    }

    fn secure(&mut self, peer: &Peer<'_>) -> Result<(), String> {
        let plaintext = if peer.plaintext { 0 } else { SASL_SEC_NOPLAINTEXT };
        let properties = sasl_security_properties_t {
            min_ssf: 0,
            max_ssf: if peer.encrypted { 0 } else { STRONGEST },
            maxbufsize: BUFFER as c_uint,
            security_flags: SASL_SEC_NOANONYMOUS | plaintext,
            property_names: ptr::null_mut(),
            property_values: ptr::null_mut(),
        };
        // SAFETY: the property is of this type and copied.
        let code = unsafe {
            sasl_setprop(self.conn, SASL_SEC_PROPS as c_int, (&raw const properties).cast())
        };
        self.check(code)?;
        let external: sasl_ssf_t = if peer.encrypted { TLS_BITS } else { 0 };
        // SAFETY: the property is of this type and copied.
        let code = unsafe {
            sasl_setprop(self.conn, SASL_SSF_EXTERNAL as c_int, (&raw const external).cast())
        };
        self.check(code).map(drop)
    }

    /// Chooses a mechanism. With `initial` it may begin with a response.
    ///
    /// # Errors
    /// What libsasl2 says, for instance that there is no plugin or no ticket.
    pub fn start(
        &mut self,
        mechanism: &str,
        initial: bool,
    ) -> Result<(Option<Secret>, Progress), String> {
        let _turn = library()?;
        let name = text(mechanism)?;
        let (mut bytes, mut length): (*const c_char, c_uint) = (ptr::null(), 0);
        let mut chosen = ptr::null();
        let (to_bytes, to_length) = match initial {
            true => (&raw mut bytes, &raw mut length),
            false => (ptr::null_mut(), ptr::null_mut()),
        };
        // SAFETY: the connection is alive, `name` is a C string, and what is written to is ours.
        // Without `prompt_need` nothing is asked for but by our callbacks.
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
        // SAFETY: just set by libsasl2, which keeps the bytes until its next call.
        let response = unsafe { copied(bytes, length) };
        Ok((response.map(Zeroizing::new), progress))
    }

    /// Answers a challenge.
    ///
    /// # Errors
    /// What libsasl2 says.
    pub fn step(&mut self, challenge: &[u8]) -> Result<(Secret, Progress), String> {
        let _turn = library()?;
        let size = c_uint::try_from(challenge.len()).map_err(|_| "its challenge is too long")?;
        let (mut bytes, mut length): (*const c_char, c_uint) = (ptr::null(), 0);
        // Plugins take a challenge for a C string now and then: it ends with a NUL beyond its size.
        let mut ended = Zeroizing::new(Vec::with_capacity(challenge.len() + 1));
        ended.extend_from_slice(challenge);
        ended.push(0);
        // SAFETY: the connection is alive, the challenge has `size` bytes, what is written to is
        // ours.
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
        // SAFETY: just set by libsasl2, which keeps the bytes until its next call.
        let response = unsafe { copied(bytes, length) };
        Ok((Zeroizing::new(response.unwrap_or_default()), progress))
    }

    /// What one packet of the security layer may hold, if there is a layer.
    ///
    /// # Errors
    /// What libsasl2 says.
    pub fn layer(&mut self) -> Result<Option<usize>, String> {
        if self.number(SASL_SSF)? == 0 {
            return Ok(None);
        }
        match self.number(SASL_MAXOUTBUF)? as usize {
            0 => Err("the security layer has no room for data".into()),
            most => Ok(Some(most.min(BUFFER))),
        }
    }

    fn number(&mut self, property: c_uint) -> Result<c_uint, String> {
        let mut value: *const c_void = ptr::null();
        // SAFETY: the connection is alive; a pointer is written.
        let code = unsafe { sasl_getprop(self.conn, property as c_int, &mut value) };
        self.check(code)?;
        if value.is_null() {
            return Err("libsasl2 does not tell about its security layer".into());
        }
        // SAFETY: both properties that are asked for are `unsigned` and lie in the connection.
        Ok(unsafe { value.cast::<c_uint>().read() })
    }

    /// Protects at most as many bytes as [`Exchange::layer`] said.
    ///
    /// # Errors
    /// What libsasl2 says.
    pub fn encode(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        self.code(sasl_encode, bytes, out)
    }

    /// Takes the protection off; parts of packets are kept for the next call.
    ///
    /// # Errors
    /// What libsasl2 says: that the bytes were meddled with.
    pub fn decode(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        bytes.chunks(BUFFER).try_for_each(|part| self.code(sasl_decode, part, out))
    }

    fn code(&mut self, coder: Coder, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let size = c_uint::try_from(bytes.len()).map_err(|_| "too many bytes at once")?;
        let (mut coded, mut length): (*const c_char, c_uint) = (ptr::null(), 0);
        // SAFETY: `sasl_encode` or `sasl_decode`: the connection is alive, `bytes` has `size`
        // bytes, what is written to is ours.
        let code =
            unsafe { coder(self.conn, bytes.as_ptr().cast(), size, &mut coded, &mut length) };
        self.check(code)?;
        // SAFETY: just set by libsasl2, which keeps the bytes until its next call.
        out.extend(unsafe { copied(coded, length) }.unwrap_or_default());
        Ok(())
    }

    fn check(&mut self, code: c_int) -> Result<Progress, String> {
        match code {
            SASL_OK => Ok(Progress::Done),
            SASL_CONTINUE => Ok(Progress::Continue),
            code => {
                // SAFETY: the connection is alive; the C string stays until its next call.
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
        let _turn = LIBRARY.lock();
        // SAFETY: the connection is alive and not used again.
        unsafe { sasl_dispose(&mut self.conn) };
    }
}

/// Callbacks of the whole process, which libsasl2 keeps for ever.
struct Global([sasl_callback_t; 2]);

// SAFETY: never changed; the contexts are null.
unsafe impl Sync for Global {}

static GLOBAL: Global = Global([no_log(), LIST_END]);

const LIST_END: sasl_callback_t =
    sasl_callback_t { id: SASL_CB_LIST_END, proc_: None, context: ptr::null_mut() };

/// Without it libsasl2 writes to the system log in the program's name.
const fn no_log() -> sasl_callback_t {
    // SAFETY: a function pointer, which libsasl2 casts back to what this id has.
    let proc_ = unsafe { std::mem::transmute::<Log, Stored>(log) };
    sasl_callback_t { id: SASL_CB_LOG, proc_: Some(proc_), context: ptr::null_mut() }
}

/// Has libsasl2 initialised, and our turn with it.
fn library() -> Result<MutexGuard<'static, Option<c_int>>, String> {
    let mut state = LIBRARY.lock();
    // SAFETY: the callbacks are static and end with SASL_CB_LIST_END; no two threads are here at
    // once. If the program has initialised libsasl2 itself, its callbacks stay.
    let code = *state.get_or_insert_with(|| unsafe { sasl_client_init(GLOBAL.0.as_ptr()) });
    match code {
        SASL_OK => Ok(state),
        code => Err(format!("libsasl2 cannot be used: {}", code_text(code))),
    }
}

type Log = unsafe extern "C" fn(*mut c_void, c_int, *const c_char) -> c_int;
type Name = unsafe extern "C" fn(*mut c_void, c_int, *mut *const c_char, *mut c_uint) -> c_int;
type Realm =
    unsafe extern "C" fn(*mut c_void, c_int, *mut *const c_char, *mut *const c_char) -> c_int;
type Pass =
    unsafe extern "C" fn(*mut sasl_conn_t, *mut c_void, c_int, *mut *mut sasl_secret_t) -> c_int;

unsafe extern "C" fn log(_: *mut c_void, _: c_int, _: *const c_char) -> c_int {
    SASL_OK
}

unsafe extern "C" fn name(
    context: *mut c_void,
    _: c_int,
    result: *mut *const c_char,
    length: *mut c_uint,
) -> c_int {
    // SAFETY: the context is a C string of `Answers`; libsasl2 gives pointers that may be written
    // to, the length's being null if it does not want that.
    unsafe {
        result.write(context.cast());
        if !length.is_null() {
            let bytes = CStr::from_ptr(context.cast()).to_bytes().len();
            length.write(c_uint::try_from(bytes).unwrap_or(c_uint::MAX));
        }
    }
    SASL_OK
}

unsafe extern "C" fn realm(
    context: *mut c_void,
    _: c_int,
    _: *mut *const c_char,
    result: *mut *const c_char,
) -> c_int {
    // SAFETY: as above.
    unsafe { result.write(context.cast()) };
    SASL_OK
}

unsafe extern "C" fn pass(
    _: *mut sasl_conn_t,
    context: *mut c_void,
    _: c_int,
    result: *mut *mut sasl_secret_t,
) -> c_int {
    // SAFETY: the context is the secret of `Answers`, which libsasl2 reads and does not free.
    unsafe { result.write(context.cast()) };
    SASL_OK
}

fn callbacks(answers: &Answers) -> Box<[sasl_callback_t]> {
    let string = |id: c_ulong, proc_: Stored, text: &CString| sasl_callback_t {
        id,
        proc_: Some(proc_),
        context: text.as_ptr().cast_mut().cast(),
    };
    // SAFETY: function pointers, which libsasl2 casts back to what their ids have.
    let (name, realm, pass) = unsafe {
        (
            std::mem::transmute::<Name, Stored>(name),
            std::mem::transmute::<Realm, Stored>(realm),
            std::mem::transmute::<Pass, Stored>(pass),
        )
    };
    let mut list = vec![no_log(), string(SASL_CB_USER, name, &answers.user)];
    list.extend(answers.authname.iter().map(|text| string(SASL_CB_AUTHNAME, name, text)));
    list.extend(answers.realm.iter().map(|text| string(SASL_CB_GETREALM, realm, text)));
    list.extend(answers.secret.iter().map(|words| sasl_callback_t {
        id: SASL_CB_PASS,
        proc_: Some(pass),
        context: words.as_ptr().cast_mut().cast(),
    }));
    list.push(LIST_END);
    list.into()
}

/// A `sasl_secret_t`: the length, the bytes, and a NUL that it does not count.
fn secret(password: &str) -> Zeroizing<Vec<u64>> {
    let length = (password.len() as c_ulong).to_ne_bytes();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.len() + password.len() + 8));
    bytes.extend_from_slice(&length);
    bytes.extend_from_slice(password.as_bytes());
    bytes.push(0);
    // Of full size from the start, so that no copy is left behind.
    let mut words =
        Zeroizing::new(vec![0; bytes.len().max(size_of::<sasl_secret_t>()).div_ceil(8)]);
    for (word, part) in words.iter_mut().zip(bytes.chunks(8)) {
        let mut filled = [0; 8];
        filled.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
        *word = u64::from_ne_bytes(filled);
    }
    words
}

fn text(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|_| "a name holds a NUL".to_owned())
}

/// # Safety
/// `bytes` is null or points to so many bytes.
unsafe fn copied(bytes: *const c_char, length: c_uint) -> Option<Vec<u8>> {
    if bytes.is_null() {
        return None;
    }
    // SAFETY: by the caller.
    Some(unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length as usize) }.to_vec())
}

/// # Safety
/// `text` is null or a C string.
unsafe fn lossy(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by the caller.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE).collect()
}

fn code_text(code: c_int) -> String {
    // SAFETY: gives a static C string for every number.
    unsafe { lossy(sasl_errstring(code, ptr::null(), ptr::null_mut())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(password: Option<&str>) -> Exchange {
        let peer = Peer { service: "csync", host: "localhost", encrypted: false, plaintext: false };
        let who = Who { authname: Some("repl"), password, realm: Some("r"), authzid: "" };
        Exchange::new(&peer, &who).unwrap()
    }

    #[test]
    fn what_has_no_plugin_or_no_password_or_is_forbidden_is_told() {
        assert!(exchange(Some("x")).start("NO-SUCH", true).unwrap_err().contains("SASL"));
        assert!(exchange(None).start("DIGEST-MD5", false).is_err());
        // The password would go over the network in clear, or nobody be logged in.
        assert!(exchange(Some("x")).start("PLAIN", true).is_err());
        assert!(exchange(Some("x")).start("ANONYMOUS", true).is_err());
        assert!(exchange(Some("x")).start("A\0B", true).is_err());
    }

    #[test]
    fn a_digest_is_answered_once_and_its_layer_takes_no_nonsense() {
        let mut exchange = exchange(Some("pass\"word"));
        let (initial, progress) = exchange.start("DIGEST-MD5", false).unwrap();
        assert_eq!((initial, progress), (None, Progress::Continue));
        assert_eq!(exchange.layer(), Ok(None), "there is none yet");
        let challenge = b"nonce=\"abc\",realm=\"r\",qop=\"auth-int\",maxbuf=4096,charset=utf-8,\
                          algorithm=md5-sess";
        let (response, progress) = exchange.step(challenge).unwrap();
        assert_eq!(progress, Progress::Continue);
        let response = String::from_utf8(response.to_vec()).unwrap();
        assert!(response.contains("username=\"repl\""), "{response}");
        assert!(!response.contains("word"), "{response}");
        // It does not know the password.
        assert!(exchange.step(b"rspauth=00000000000000000000000000000000").is_err());
    }

    #[test]
    fn a_secret_is_laid_out_as_libsasl2_reads_it() {
        for password in ["", "a", "twelve chars"] {
            let words = secret(password);
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            let (length, rest) = bytes.split_at(size_of::<c_ulong>());
            assert_eq!(length, (password.len() as c_ulong).to_ne_bytes());
            assert_eq!(rest[..password.len()], *password.as_bytes());
            assert_eq!(rest[password.len()], 0);
        }
    }
}
