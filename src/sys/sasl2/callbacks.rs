//! The callbacks by which libsasl2 requests user and password, and the data that they return.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr;

use sasl2_sys::sasl::{
    SASL_CB_AUTHNAME, SASL_CB_GETREALM, SASL_CB_LIST_END, SASL_CB_LOG, SASL_CB_PASS, SASL_CB_USER,
    SASL_OK, sasl_callback_t, sasl_conn_t, sasl_secret_t,
};
use zeroize::Zeroizing;

/// A callback in the form in which libsasl2 stores it. libsasl2 casts it back to the type that
/// belongs to the callback's id.
type Stored = unsafe extern "C" fn() -> c_int;

/// The data that the callbacks return. libsasl2 keeps pointers to this data.
pub(super) struct Answers {
    pub user: CString,
    pub authname: Option<CString>,
    pub realm: Option<CString>,
    /// A `sasl_secret_t` with the password, stored in 64-bit words so that it is aligned.
    pub secret: Option<Zeroizing<Vec<u64>>>,
}

/// The callbacks for the whole process. libsasl2 keeps a pointer to them as long as the process
/// runs.
pub(super) struct Global([sasl_callback_t; 2]);

impl Global {
    pub fn list(&'static self) -> *const sasl_callback_t {
        self.0.as_ptr()
    }
}

// SAFETY: the callbacks never change, and their contexts are null.
unsafe impl Sync for Global {}

pub(super) static GLOBAL: Global = Global([no_log(), LIST_END]);

const LIST_END: sasl_callback_t =
    sasl_callback_t { id: SASL_CB_LIST_END, proc_: None, context: ptr::null_mut() };

/// Returns a callback that discards log lines. Without this callback, libsasl2 would write to the
/// system log under the name of the program.
const fn no_log() -> sasl_callback_t {
    // SAFETY: only the type of a function pointer changes. libsasl2 casts it back to the type for
    // SASL_CB_LOG.
    let proc_ = unsafe { std::mem::transmute::<Log, Stored>(log) };
    sasl_callback_t { id: SASL_CB_LOG, proc_: Some(proc_), context: ptr::null_mut() }
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
    // SAFETY: the context is a C string of `Answers`. The pointers from libsasl2 are valid for
    // writing; `length` is null if libsasl2 does not need the length.
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
    // SAFETY: the context is a C string of `Answers`, and `result` is valid for writing.
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
    // `result` is valid for writing.
    unsafe { result.write(context.cast()) };
    SASL_OK
}

pub(super) fn callbacks(answers: &Answers) -> Box<[sasl_callback_t]> {
    let string = |id: c_ulong, proc_: Stored, text: &CString| sasl_callback_t {
        id,
        proc_: Some(proc_),
        context: text.as_ptr().cast_mut().cast(),
    };
    // SAFETY: only the types of function pointers change. libsasl2 casts them back to the types for
    // their ids.
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

/// Builds a `sasl_secret_t`: the length, the bytes of the password, and a NUL that the length does
/// not count.
pub(super) fn secret(password: &str) -> Zeroizing<Vec<u64>> {
    let length = (password.len() as c_ulong).to_ne_bytes();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.len() + password.len() + 8));
    bytes.extend_from_slice(&length);
    bytes.extend_from_slice(password.as_bytes());
    bytes.push(0);
    // Allocate the full size at once. If the vector had to grow, a copy of the password would stay
    // in memory.
    let mut words =
        Zeroizing::new(vec![0; bytes.len().max(size_of::<sasl_secret_t>()).div_ceil(8)]);
    for (word, part) in words.iter_mut().zip(bytes.chunks(8)) {
        let mut filled = [0; 8];
        filled.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
        *word = u64::from_ne_bytes(filled);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

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
