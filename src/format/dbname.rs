//! Converts mailbox names to and from dbnames, their form in mailboxes.db since Cyrus 3.6
//! (`imap/mboxname.c`).

use crate::types::MboxName;

/// Separates the components of a dbname (`DB_HIERSEP_CHAR`).
pub const HIERARCHY_SEPARATOR: u8 = 0x1f;
/// Follows the domain of a dbname (`DB_DOMAINSEP_CHAR`).
pub const DOMAIN_SEPARATOR: u8 = 0x1d;

/// Returns the dbname of an internal name (`mboxname_to_dbname`). For `user.fred.a^b` it is `user`
/// US `fred` US `a.b`, where US is the byte 0x1f.
pub fn dbname(name: &[u8]) -> Vec<u8> {
    convert(name, b'!', DOMAIN_SEPARATOR, |byte| match byte {
        b'.' => HIERARCHY_SEPARATOR,
        b'^' => b'.',
        other => other,
    })
}

/// Returns the internal name of a dbname (`mboxname_from_dbname`).
pub fn internal_name(dbname: &[u8]) -> MboxName {
    MboxName::from(convert(dbname, DOMAIN_SEPARATOR, b'!', |byte| match byte {
        HIERARCHY_SEPARATOR => b'.',
        b'.' => b'^',
        other => other,
    }))
}

/// Replaces the domain separator `from` by `to`, and converts each byte after it with `byte`.
fn convert(name: &[u8], from: u8, to: u8, byte: impl Fn(u8) -> u8) -> Vec<u8> {
    let domain = name.iter().position(|byte| *byte == from);
    let mut out = name.to_vec();
    if let Some(separator) = domain.and_then(|at| out.get_mut(at)) {
        *separator = to;
    }
    let local = out.get_mut(domain.map_or(0, |at| at + 1)..).unwrap_or_default();
    local.iter_mut().for_each(|each| *each = byte(*each));
    out
}
