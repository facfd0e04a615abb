//! Reads quotas by quota root (`quota_read` in `imap/quota_db.c`).

use crate::error::Result;
use crate::format::quota;
use crate::types::{Quota, Text};

use super::table::Table;

/// Reads the limits of a quota root. Returns `None` if there is no such root. Also returns `None`
/// for an empty record: Cyrus creates a root with an empty record and sets the limits a moment
/// later.
///
/// # Errors
/// Those of the database; [`Kind::Corrupt`](crate::Kind::Corrupt) if the value cannot be parsed.
pub fn read(table: &Table, root: &Text) -> Result<Option<Quota>> {
    let value = match table.get(root.as_bytes())? {
        Some(value) if !matches!(value.first(), None | Some(0)) => value,
        _ => return Ok(None),
    };
    quota::parse(root.clone(), &value).map(Some).map_err(|malformed| {
        let hint = "run quota -f, which repairs the root";
        table.corrupt("read quota", root.as_bytes(), malformed, hint)
    })
}

#[cfg(test)]
mod tests {
    use super::super::table::testing::table;
    use super::*;
    use crate::error::Kind;

    #[test]
    fn roots_are_found() {
        let quotas = table(include_str!("../../../tests/fixtures/userdata/dump/quota"));
        let fred = read(&quotas, &"user.fred".into()).unwrap().unwrap();
        assert_eq!(fred.limits, [Some(10000), Some(500), Some(100), Some(20)]);
        assert_eq!(read(&quotas, &"user.fred2".into()).unwrap(), None);
    }

    #[test]
    fn an_empty_record_is_no_root() {
        assert_eq!(read(&table("user.a\t"), &"user.a".into()).unwrap(), None);
    }

    #[test]
    fn a_broken_value_is_an_error() {
        let error = read(&table("user.a\t%(S"), &"user.a".into()).unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
    }
}
