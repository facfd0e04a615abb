//! Converts mailbox names between internal and external form, and finds their owners.

use super::parts::{Parts, Rules, hex, levels, replace};
use crate::error::{Error, Kind, Result};
use crate::settings::Naming;
use crate::types::{MboxName, Text, UserId};

/// The form in which an administrator writes and sees names. Cyrus's replication client uses the
/// same form (`mboxname_init_namespace` with `isadmin`). `altnamespace` and its prefixes do not
/// apply.
#[derive(Debug, Clone)]
pub struct Namespace {
    separator: u8,
    pub(super) virtdomains: bool,
    pub(super) rules: Rules,
    sieve_folder: Vec<u8>,
}

impl Namespace {
    /// Creates the namespace for the options in imapd.conf.
    pub fn new(naming: &Naming) -> Namespace {
        let bytes = |text: &str| text.as_bytes().to_vec();
        Namespace {
            separator: if naming.unixhierarchysep { b'/' } else { b'.' },
            virtdomains: naming.virtdomains,
            rules: Rules {
                default_domain: bytes(&naming.defaultdomain),
                deleted_prefix: bytes(&naming.deletedprefix),
            },
            sieve_folder: bytes(&naming.sieve_folder),
        }
    }

    /// Returns the hierarchy separator of external names: `/` or `.`.
    pub fn separator(&self) -> char {
        char::from(self.separator)
    }

    /// Splits an internal name into its parts (`mbname_from_intname`).
    pub fn parts(&self, name: &MboxName) -> Parts {
        Parts::read(name.as_bytes(), &self.rules)
    }

    /// Converts a name from a command line to internal form (`mboxname_read_external`). With
    /// `unixhierarchysep`, `user/fred.smith/Sent` becomes `user.fred^smith.Sent`; without it,
    /// `user.fred^smith.Sent` stays the same. With virtual domains, `@example.com` may follow.
    /// Names in modified UTF-7 stay unchanged. The command line has no other encoding.
    ///
    /// Fails with [`Kind::InvalidArgument`] if no mailbox can have this name. Cyrus converts some
    /// of these names to the name of another mailbox: `INBOX/Sent` becomes the shared mailbox
    /// `Sent`.
    pub fn read_external(&self, name: &[u8]) -> Result<MboxName> {
        let refuse = |what: &'static str| {
            let sep = self.separator();
            let name = String::from_utf8_lossy(name);
            Error::new(Kind::InvalidArgument, "read mailbox name", name, what).with_hint(format!(
                "write it as an administrator sees it: user{sep}USER{sep}FOLDER, or the name of a \
                 shared mailbox"
            ))
        };
        if name.contains(&0) {
            return Err(refuse("the name contains a NUL byte"));
        }
        if name.starts_with(b"\\") {
            return Err(refuse(
                "a special-use folder belongs to one user, but no user is logged in here",
            ));
        }
        let mut parts = Parts::default();
        let mut path = name;
        let at = name.iter().rposition(|b| *b == b'@').filter(|_| self.virtdomains);
        if let Some((head, domain)) = at.and_then(|at| name.split_at_checked(at)) {
            parts.domain = self.rules.domain(domain.get(1..).unwrap_or_default());
            path = head;
        }
        let unix = self.separator == b'/';
        if unix && path.contains(&b'^') {
            return Err(refuse("the name contains '^', which stands for a dot in internal names"));
        }
        if !unix && path.contains(&b'/') {
            return Err(refuse("the name contains '/', but unixhierarchysep is off"));
        }
        let decode = |level: &[u8]| if unix { level.to_vec() } else { replace(level, b'^', b'.') };
        let mut boxes: Vec<Vec<u8>> = levels(path, self.separator).map(decode).collect();
        let is_first = |boxes: &[Vec<u8>], what: &[u8]| boxes.first().is_some_and(|b| b == what);
        if boxes.first().is_some_and(|first| first.eq_ignore_ascii_case(b"INBOX")) {
            return Err(refuse("an INBOX belongs to one user, but no user is logged in here"));
        }
        if is_first(&boxes, &self.rules.deleted_prefix) {
            boxes.remove(0);
            let time = boxes.pop().map(|time| hex(&time)).filter(|time| *time != 0);
            parts.deleted = Some(time.ok_or_else(|| {
                refuse("the name of a deleted mailbox must end with the time of its deletion")
            })?);
        }
        if is_first(&boxes, b"user") {
            boxes.remove(0);
            if boxes.is_empty() {
                return Err(refuse("the name of the user is missing"));
            }
            parts.localpart = Some(boxes.remove(0));
        }
        parts.boxes = boxes;
        if parts.localpart.is_none() && parts.boxes.is_empty() && parts.deleted.is_none() {
            return Err(refuse("the name is empty"));
        }
        Ok(parts.to_internal(&self.rules))
    }

    /// Returns the name as an administrator sees it (`mboxname_to_external`). Returns `None` if the
    /// name has no external form, for example if it has a domain and virtual domains are off.
    pub fn to_external(&self, name: &MboxName) -> Option<Text> {
        let parts = self.parts(name);
        if parts.localpart.is_none() {
            let first = parts.boxes.first()?;
            if first.eq_ignore_ascii_case(b"INBOX") {
                return None;
            }
        }
        let mut external = Vec::new();
        for level in parts.levels(&self.rules) {
            if !external.is_empty() {
                external.push(self.separator);
            }
            let unix = self.separator == b'/';
            external.extend(if unix { level } else { replace(&level, b'.', b'^') });
        }
        match &parts.domain {
            Some(domain) if self.virtdomains => {
                external.push(b'@');
                external.extend_from_slice(domain);
            }
            Some(_) => return None,
            None => {}
        }
        Some(external.into())
    }

    /// Returns the owner of a mailbox, deleted or not (`mboxname_to_userid`). Returns `None` for a
    /// shared mailbox.
    pub fn owner(&self, name: &MboxName) -> Option<UserId> {
        self.parts(name).owner()
    }

    /// Returns the name of a user's INBOX (`mboxname_user_mbox`).
    pub fn inbox(&self, user: &UserId) -> MboxName {
        Parts::of_user(user.as_bytes(), &self.rules).to_internal(&self.rules)
    }

    /// Returns the name of the mailbox with the Sieve scripts of a user (`sieve_mboxname`).
    pub fn sieve_mailbox(&self, user: &UserId) -> MboxName {
        MboxName::from([self.inbox(user).as_bytes(), b".", &self.sieve_folder].concat())
    }

    /// Returns whether the mailbox is an INBOX (`mboxname_isusermailbox`).
    pub fn is_inbox(&self, name: &MboxName) -> bool {
        let parts = self.parts(name);
        parts.localpart.is_some() && parts.deleted.is_none() && parts.boxes.is_empty()
    }

    /// Returns whether the mailbox is deleted and waits for expiry (`mboxname_isdeletedmailbox`).
    pub fn is_deleted(&self, name: &MboxName) -> bool {
        self.parts(name).deleted.is_some()
    }

    /// Returns the new name of a mailbox that is deleted at `time`, in seconds since 1970
    /// (`mboxname_todeleted`).
    pub fn to_deleted(&self, name: &MboxName, time: u32) -> MboxName {
        let parts = Parts { deleted: Some(time.max(1).into()), ..self.parts(name) };
        parts.to_internal(&self.rules)
    }

    /// Returns whether the name is a user's mailbox for Sieve scripts or below it
    /// (`mboxname_issievemailbox` without a mailbox type, as the replication client calls it).
    pub fn is_sieve(&self, name: &MboxName) -> bool {
        self.parts(name).boxes.first() == Some(&self.sieve_folder)
    }
}
