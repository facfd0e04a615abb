//! Checks the user of this process.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::value::{Check, Topic};
use crate::error::reason;
use crate::settings::Settings;
use crate::sys::identity;

/// Checks whether the process runs as the user who owns the mail store.
pub(super) fn check(settings: &Settings) -> Check {
    let topic = Topic::User;
    let directory = &settings.layout.configdirectory;
    let place = format!("configdirectory {}", directory.display());
    let owner = match fs::metadata(directory) {
        Ok(found) => found.uid(),
        Err(error) => {
            let hint = "set configdirectory in imapd.conf to the directory of mailboxes.db";
            return Check::fail(topic, format!("{place}: {}", reason(&error)), hint);
        }
    };
    let user = identity::effective_user();
    if identity::is_root() {
        let hint =
            format!("see that there is a cyrus user (cyrus_user), or run it as {}", name(owner));
        return Check::fail(topic, "this runs as root, and replication must not", hint);
    }
    if user != owner {
        let detail = format!("this runs as {}, and {place} belongs to {}", name(user), name(owner));
        return Check::fail(topic, detail, format!("run it as root, or as {}", name(owner)));
    }
    let Some(umask) = umask() else {
        return Check::ok(topic, format!("{}, whom {place} belongs to", name(user)));
    };
    let detail = format!("{}, whom {place} belongs to; umask {umask:03o}", name(user));
    if umask & 0o700 == 0 {
        Check::ok(topic, detail)
    } else {
        let hint = "set umask: 077 in imapd.conf: this one keeps the cyrus user from its own files";
        Check::warn(topic, detail, hint)
    }
}

fn name(user: u32) -> String {
    identity::user_name(user).unwrap_or_else(|| format!("user {user}"))
}

/// Returns the umask of this process from /proc, because `umask` cannot read it without setting it.
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
