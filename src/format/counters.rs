//! The counters file of a user or domain (`mboxname_buf_to_counters` in `imap/mboxname.c`).

use crate::error::Malformed;
use crate::types::Modseq;

/// Length of the file by version. It ends with UIDVALIDITY and the CRC of all before.
const LENGTHS: [usize; 10] = [48, 56, 64, 88, 104, 120, 200, 232, 264, 296];
/// Reverse ACLs are counted from this version on.
const RACL_VERSION: usize = 4;
const RACL_OFFSET: usize = 88;

/// The modseq of the reverse ACLs; 0 in files that do not know it, or of a length below eight.
///
/// # Errors
/// If the version is unknown, or length or CRC do not fit.
pub fn raclmodseq(data: &[u8]) -> Result<Modseq, Malformed> {
    if data.len() < 8 {
        return Ok(0);
    }
    let version = match (data.len(), field(data, 4).map(u32::from_be_bytes)) {
        // The first version left there what was in memory.
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
    let modseq = field(counters, RACL_OFFSET).map(u64::from_be_bytes);
    Ok(if version >= RACL_VERSION { modseq.unwrap_or(0) } else { 0 })
}

fn field<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::super::damage;
    use super::*;

    const FRED: &[u8] = include_bytes!("../../tests/fixtures/userdata/dump/fred.counters.db");
    const TOLD: &str = include_str!("../../tests/fixtures/userdata/told/user.fred");

    #[test]
    fn the_modseq_is_what_cyrus_says() {
        let told = damage::told(TOLD, " user.fred ", "RACLMODSEQ").unwrap();
        assert_eq!(raclmodseq(FRED).unwrap().to_string(), told);
    }

    #[test]
    fn early_files_know_none() {
        let mut early = vec![0xff; 44];
        early.extend(crc32fast::hash(&early).to_be_bytes());
        assert_eq!(raclmodseq(&early), Ok(0));
        assert_eq!(raclmodseq(b""), Ok(0));
    }

    #[test]
    fn damage_is_found() {
        let complaint = |data: &[u8]| raclmodseq(data).unwrap_err().to_string();
        let mut damaged = FRED.to_vec();
        damaged[90] ^= 1;
        assert_eq!(complaint(&damaged), "CRC mismatch at offset 0x124");
        assert_eq!(complaint(&FRED[..295]), "not 296 bytes long at offset 0x127");
        damaged[7] = 10;
        assert_eq!(complaint(&damaged), "version 10 is not known at offset 0x4");
        damage::survives(FRED, |data| drop(raclmodseq(data)));
    }
}
