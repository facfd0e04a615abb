//! Parses the counters file of a user or domain (`mboxname_buf_to_counters` in `imap/mboxname.c`).

use crate::error::Malformed;
use crate::types::Modseq;

/// Length of the file in bytes, for each version. Its last fields are UIDVALIDITY and the CRC of
/// all earlier bytes.
const LENGTHS: [usize; 10] = [48, 56, 64, 88, 104, 120, 200, 232, 264, 296];
/// The first version with a modseq of reverse ACLs.
const RACL_VERSION: usize = 4;
const RACL_OFFSET: usize = 88;
const HIGHEST_OFFSET: usize = 8;

/// The counters of a user that replication needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// The highest modseq of all data of the user.
    pub highestmodseq: Modseq,
    /// The modseq of the reverse ACLs; 0 in versions without it.
    pub raclmodseq: Modseq,
}

/// Parses a counters file. A file shorter than eight bytes counts as all zeros.
///
/// # Errors
/// Fails if the version is unknown, or the length or the CRC is wrong.
pub fn parse(data: &[u8]) -> Result<Counters, Malformed> {
    if data.len() < 8 {
        return Ok(Counters::default());
    }
    let version = match (data.len(), field(data, 4).map(u32::from_be_bytes)) {
        // In a file of version 0, the version field was not initialised.
        (48, _) => 0,
        (_, version) => version.and_then(|version| usize::try_from(version).ok()).unwrap_or(0),
    };
    let length = LENGTHS
        .get(version)
        .ok_or_else(|| Malformed::new(4u64, format!("version {version} is not known")))?;
    if data.len() != *length {
        return Err(Malformed::new(data.len(), format!("not {length} bytes long")));
    }
    let (counters, crc) = data.split_at_checked(length - 4).unwrap_or_default();
    if field(crc, 0).map(u32::from_be_bytes) != Some(crc32fast::hash(counters)) {
        return Err(Malformed::new(counters.len(), "CRC mismatch"));
    }
    let modseq = |offset| field(counters, offset).map_or(0, u64::from_be_bytes);
    Ok(Counters {
        highestmodseq: modseq(HIGHEST_OFFSET),
        raclmodseq: if version >= RACL_VERSION { modseq(RACL_OFFSET) } else { 0 },
    })
}

fn field<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::super::damage;
    use super::*;

    const FRED: &[u8] = include_bytes!("../../tests/fixtures/userdata/dump/fred.counters.db");
    const REPLY: &str = include_str!("../../tests/fixtures/userdata/replies/user.fred");

    #[test]
    fn the_modseq_is_what_cyrus_says() {
        let reply = damage::recorded(REPLY, " user.fred ", "RACLMODSEQ").unwrap();
        assert_eq!(parse(FRED).unwrap().raclmodseq.to_string(), reply);
    }

    #[test]
    fn early_files_know_none() {
        let mut early = vec![0xff; 44];
        early.extend(crc32fast::hash(&early).to_be_bytes());
        assert_eq!(parse(&early).map(|it| it.raclmodseq), Ok(0));
        assert_eq!(parse(b""), Ok(Counters::default()));
    }

    #[test]
    fn damage_is_found() {
        let complaint = |data: &[u8]| parse(data).unwrap_err().to_string();
        let mut damaged = FRED.to_vec();
        damaged[90] ^= 1;
        assert_eq!(complaint(&damaged), "CRC mismatch at offset 0x124");
        assert_eq!(complaint(&FRED[..295]), "not 296 bytes long at offset 0x127");
        damaged[7] = 10;
        assert_eq!(complaint(&damaged), "version 10 is not known at offset 0x4");
        damage::survives(FRED, |data| drop(parse(data)));
    }
}
