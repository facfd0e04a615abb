//! Splits mailbox names into parts, like `mbname_t` in `imap/mboxname.c`. No I/O.

use crate::types::{MboxName, UserId};

/// The parts of a mailbox name. Where an internal name has `^`, its parts have a dot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    /// The domain, unless it is the default one.
    pub domain: Option<Vec<u8>>,
    /// Time of deletion in seconds since 1970, for names like `DELETED.user.fred.Sent.5F3A0C11`.
    pub deleted: Option<u64>,
    /// The owner without domain. `None` for a shared mailbox.
    pub localpart: Option<Vec<u8>>,
    /// The components below the owner, or all components of a shared mailbox. Empty for an INBOX.
    pub boxes: Vec<Vec<u8>>,
}

/// The options that decide how names are split.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub default_domain: Vec<u8>,
    pub deleted_prefix: Vec<u8>,
}

impl Parts {
    /// Splits an internal name (`mbname_from_intname`).
    pub(super) fn read(name: &[u8], rules: &Rules) -> Parts {
        let mut parts = Parts::default();
        let rest = match split_first(name, b'!') {
            Some((domain, rest)) => {
                parts.domain = rules.domain(domain);
                rest
            }
            None => name,
        };
        let mut boxes: Vec<Vec<u8>> =
            levels(rest, b'.').map(|level| replace(level, b'^', b'.')).collect();
        if boxes.len() > 2 && boxes.first() == Some(&rules.deleted_prefix) {
            boxes.remove(0);
            parts.deleted = boxes.pop().map(|time| hex(&time)).filter(|time| *time != 0);
        }
        if boxes.len() > 1 && boxes.first().is_some_and(|level| level == b"user") {
            boxes.remove(0);
            parts.localpart = Some(boxes.remove(0));
        }
        parts.boxes = boxes;
        parts
    }

    /// Returns the parts of a user's INBOX (`mbname_from_userid`).
    pub(super) fn of_user(user: &[u8], rules: &Rules) -> Parts {
        let mut parts = Parts::default();
        match user.iter().rposition(|b| *b == b'@').and_then(|at| user.split_at_checked(at)) {
            Some((localpart, domain)) => {
                parts.localpart = Some(localpart.to_vec());
                parts.domain = rules.domain(domain.get(1..).unwrap_or_default());
            }
            None if user.is_empty() => {}
            None => parts.localpart = Some(user.to_vec()),
        }
        parts
    }

    /// Returns the owner's userid, with its domain unless that is the default domain
    /// (`mbname_userid`). Works for deleted mailboxes, too.
    pub fn owner(&self) -> Option<UserId> {
        let mut user = self.localpart.clone()?;
        if let Some(domain) = &self.domain {
            user.push(b'@');
            user.extend_from_slice(domain);
        }
        Some(user.into())
    }

    /// Returns all components from the top: `DELETED`, `user`, owner, boxes, time.
    pub(super) fn levels(&self, rules: &Rules) -> Vec<Vec<u8>> {
        let mut levels = Vec::with_capacity(self.boxes.len() + 4);
        if self.deleted.is_some() {
            levels.push(rules.deleted_prefix.clone());
        }
        if let Some(localpart) = &self.localpart {
            levels.push(b"user".to_vec());
            levels.push(localpart.clone());
        }
        levels.extend(self.boxes.iter().cloned());
        if let Some(time) = self.deleted {
            // Cyrus prints only the lower 32 bits.
            levels.push(format!("{:X}", time & 0xffff_ffff).into_bytes());
        }
        levels
    }

    /// Builds the internal name (`mbname_intname`).
    pub(super) fn to_internal(&self, rules: &Rules) -> MboxName {
        let mut name = Vec::new();
        if let Some(domain) = &self.domain {
            name.extend_from_slice(domain);
            name.push(b'!');
        }
        for (i, level) in self.levels(rules).iter().enumerate() {
            if i > 0 {
                name.push(b'.');
            }
            name.extend(replace(level, b'.', b'^'));
        }
        name.into()
    }
}

impl Rules {
    /// Returns the domain, or `None` for the default domain, which is never part of a name.
    pub fn domain(&self, domain: &[u8]) -> Option<Vec<u8>> {
        (domain != self.default_domain).then(|| domain.to_vec())
    }
}

/// Splits a name at the separators and drops empty components (`strarray_split`).
pub(super) fn levels(name: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    name.split(move |b| *b == separator).filter(|level| !level.is_empty())
}

pub(super) fn replace(bytes: &[u8], from: u8, to: u8) -> Vec<u8> {
    bytes.iter().map(|b| if *b == from { to } else { *b }).collect()
}

/// Parses a hexadecimal number like `strtoul`: reads up to the first character that is not a digit.
/// Returns 0 if there are no digits.
pub(super) fn hex(text: &[u8]) -> u64 {
    let text = text.trim_ascii_start();
    let digits = match text {
        [b'0', b'x' | b'X', rest @ ..] => rest,
        _ => text,
    };
    let digits = digits.iter().map_while(|b| char::from(*b).to_digit(16));
    digits.fold(0u64, |n, digit| n.saturating_mul(16).saturating_add(digit.into()))
}

fn split_first(name: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let (head, rest) = name.split_at_checked(name.iter().position(|b| *b == separator)?)?;
    Some((head, rest.get(1..)?))
}
