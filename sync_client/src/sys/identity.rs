//! Changes the user that the process runs as.

use std::ffi::{CStr, CString, c_char, c_int};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use cyrsync::{Error, Kind, Result};

use crate::list::reason;

/// Largest buffer passed to `getpwnam_r` and `getgrnam_r` for one entry.
const ENTRY_BYTES: usize = 1 << 20;

const OP: &str = "become user";

/// Returns whether the process runs with the rights of root.
pub fn is_root() -> bool {
    // SAFETY: geteuid() has no arguments and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Sets the permission bits that new files do not get.
pub fn set_umask(mask: u32) {
    // SAFETY: the only argument is a number, and umask() cannot fail.
    unsafe { libc::umask(mask & 0o777) };
}

/// Switches from root to `user` permanently: sets the supplementary groups, the group and the user,
/// in that order. `group` replaces the user's own group (`become_cyrus` in `lib/util.c`).
///
/// Fails with [`Kind::Config`] if there is no such user or group, and with [`Kind::Io`] if the
/// system refuses.
pub fn become_user(user: &str, group: Option<&str>) -> Result<()> {
    let name = c_string(user, user)?;
    let (uid, own_gid) = lookup_user(user, &name)?;
    let gid = match group {
        Some(group) => lookup_group(user, group)?,
        None => own_gid,
    };
    // SAFETY: `name` is a C string that outlives the call.
    check(user, "initgroups", unsafe { libc::initgroups(name.as_ptr(), gid) })?;
    // SAFETY: the only argument is a number.
    check(user, "setgid", unsafe { libc::setgid(gid) })?;
    // SAFETY: the only argument is a number. If the process is root, setuid() sets the real,
    // effective and saved user.
    check(user, "setuid", unsafe { libc::setuid(uid) })?;
    // SAFETY: the only argument is a number. The call must fail: the process must not be able to
    // become root again.
    if uid != 0 && unsafe { libc::setuid(0) } == 0 {
        return Err(Error::new(
            Kind::Internal,
            OP,
            user,
            "the process can still become root again",
        ));
    }
    Ok(())
}

fn c_string(user: &str, text: &str) -> Result<CString> {
    CString::new(text)
        .map_err(|_| Error::new(Kind::Config, OP, user, format!("{text:?} is not a name")))
}

fn check(user: &str, call: &str, result: c_int) -> Result<()> {
    if result == 0 {
        return Ok(());
    }
    let cause = io::Error::last_os_error();
    Err(Error::new(Kind::Io, OP, user, format!("{call}: {}", reason(&cause))).with_source(cause))
}

fn lookup_user(user: &str, name: &CStr) -> Result<(libc::uid_t, libc::gid_t)> {
    let found = |entry: *mut libc::passwd, buffer, length, result| {
        // SAFETY: `lookup` passes pointers to an entry, a buffer of `length` bytes and a result;
        // `name` is a C string.
        unsafe { libc::getpwnam_r(name.as_ptr(), entry, buffer, length, result) }
    };
    match lookup(found, |entry| (entry.pw_uid, entry.pw_gid)) {
        Ok(Some(ids)) => Ok(ids),
        Ok(None) => Err(Error::new(Kind::Config, OP, user, "there is no such user")
            .with_hint("create it, or name another in cyrus_user or $CYRUS_USER")),
        Err(cause) => Err(Error::new(Kind::Io, OP, user, reason(&cause)).with_source(cause)),
    }
}

fn lookup_group(user: &str, group: &str) -> Result<libc::gid_t> {
    let name = c_string(user, group)?;
    let found = |entry: *mut libc::group, buffer, length, result| {
        // SAFETY: as in `lookup_user`.
        unsafe { libc::getgrnam_r(name.as_ptr(), entry, buffer, length, result) }
    };
    match lookup(found, |entry| entry.gr_gid) {
        Ok(Some(gid)) => Ok(gid),
        Ok(None) => Err(Error::new(Kind::Config, OP, user, format!("there is no group {group}"))
            .with_hint("create it, or name another in cyrus_group or $CYRUS_GROUP")),
        Err(cause) => Err(Error::new(Kind::Io, OP, user, reason(&cause)).with_source(cause)),
    }
}

/// Calls one of the `get..nam_r` functions with a buffer that grows until the entry fits. `read`
/// copies data from the entry, whose pointers point into the buffer.
fn lookup<T, R>(
    call: impl Fn(*mut T, *mut c_char, usize, *mut *mut T) -> c_int,
    read: impl Fn(&T) -> R,
) -> io::Result<Option<R>> {
    let mut length = 1024;
    loop {
        let mut buffer: Vec<c_char> = vec![0; length];
        let mut entry = MaybeUninit::<T>::uninit();
        let mut result = ptr::null_mut();
        match call(entry.as_mut_ptr(), buffer.as_mut_ptr(), length, &mut result) {
            0 if result.is_null() => return Ok(None),
            // SAFETY: success with a result means that the entry was filled in.
            0 => return Ok(Some(read(unsafe { entry.assume_init_ref() }))),
            libc::ERANGE if length < ENTRY_BYTES => length *= 2,
            libc::EINTR => {}
            // Some systems report "not found" with these codes (getpwnam(3)).
            libc::ENOENT | libc::ESRCH => return Ok(None),
            code => return Err(io::Error::from_raw_os_error(code)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_user_is_named_with_the_way_out() {
        let error = become_user("no-such-user-here", None).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.to_string().contains("no-such-user-here: there is no such user"), "{error}");
        assert!(error.hint().contains("CYRUS_USER"), "{error}");
    }

    #[test]
    fn an_unknown_group_is_refused_before_anything_changes() {
        let error = become_user("root", Some("no-such-group-here")).unwrap_err();
        assert!(error.detail().contains("no-such-group-here"), "{error}");
    }

    #[test]
    fn root_is_found_by_name() {
        assert_eq!(lookup_user("root", c"root").unwrap().0, 0);
    }

    #[test]
    fn a_name_with_a_nul_is_no_name() {
        assert_eq!(become_user("a\0b", None).unwrap_err().kind(), Kind::Config);
    }
}
