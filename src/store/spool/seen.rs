//! Reads the seen state of a user: a database with one record for each mailbox (`imap/seen_db.c`).

use std::ops::ControlFlow;

use crate::error::Result;
use crate::format::seen;
use crate::types::Seen;

use super::table::Table;

/// Reads all seen state of a user, in the database's order (`seen_foreach`).
///
/// # Errors
/// Those of the database; [`Kind::Corrupt`](crate::Kind::Corrupt) if a value cannot be parsed.
pub fn list(table: &Table) -> Result<Vec<Seen>> {
    let mut all = Vec::new();
    table.scan(b"", &mut |key, value| {
        let seen = seen::parse(key.into(), value).map_err(|malformed| {
            let hint = "delete the record with cyr_dbtool: the user loses the seen state of one \
                        mailbox";
            table.corrupt("read seen state", key, malformed, hint)
        })?;
        all.push(seen);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::table::testing::table;
    use super::*;
    use crate::error::Kind;

    #[test]
    fn every_mailbox_is_listed() {
        let both = "idb\t1 100 3 200 1,3\nida\t1 100 0 200 ";
        let seen = list(&table(both)).unwrap();
        let ids: Vec<_> = seen.iter().map(|seen| seen.uniqueid.to_string()).collect();
        assert_eq!(ids, ["idb", "ida"]);
        assert_eq!(seen.first().map(|seen| seen.lastuid), Some(3));
    }

    #[test]
    fn a_broken_value_is_an_error() {
        assert_eq!(list(&table("id\t1 x")).unwrap_err().kind(), Kind::Corrupt);
    }
}
