//! Checks the user as whom this process runs.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::value::{Check, Topic};
use crate::error::reason;
use crate::settings::Settings;
use crate::sys::identity;

/// Checks whether the process runs as the owner of the mail store.
pub(super) fn check(settings: &Settings) -> Check {
    let topic = Topic::User;
    let directory = &settings.layout.configdirectory;
    let place = format!("configdirectory {}", directory.display());
    let owner = match fs::metadata(directory) {
        Ok(found) => found.uid(),
        Err(error) => {
            let hint = "set configdirectory in imapd.conf to the directory that contains \
                        mailboxes.db";
            return Check::fail(topic, format!("{place}: {}", reason(&error)), hint);
        }
    };
    let user = identity::effective_user();
    if identity::is_root() {
        let hint = if owner == 0 {
            "check that the cyrus user exists (cyrus_user) and owns configdirectory".to_owned()
        } else {
            let owner = name(owner);
            format!("check that the cyrus user exists (cyrus_user), or run this program as {owner}")
        };
        return Check::fail(topic, "this runs as root, but replication must not", hint);
    }
    if user != owner {
        let detail = format!("this runs as {}, and {place} belongs to {}", name(user), name(owner));
        return Check::fail(
            topic,
            detail,
            format!("run this program as root or as {}", name(owner)),
        );
    }
    let Some(umask) = umask() else {
        return Check::ok(topic, format!("{}, the owner of {place}", name(user)));
    };
    let detail = format!("{}, the owner of {place}; umask {umask:03o}", name(user));
    if umask & 0o700 == 0 {
        Check::ok(topic, detail)
    } else {
        let hint = "set umask: 077 in imapd.conf: with the present umask the cyrus user cannot use \
                    its own files";
        Check::warn(topic, detail, hint)
    }
}

fn name(user: u32) -> String {
    identity::user_name(user).unwrap_or_else(|| format!("user {user}"))
}

/// Returns the umask of this process, from /proc. The system call `umask` would have to change the
/// umask to read it.
fn umask() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let digits = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(digits.trim(), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_umask_can_be_read() {
        assert!(umask().is_some_and(|umask| umask <= 0o777));
    }
}
