//! Parses the values of the quota database (`imap/quota_db.c`). The keys of that database are quota
//! roots.

use crate::error::Malformed;
use crate::types::{QUOTA_RESOURCES, Quota, Text};

use super::dl::{self, Item, Word};

/// Names of the quota resources in a value, in the order of [`QUOTA_RESOURCES`] (`quota_db_names`).
const KEYS: [&[u8]; QUOTA_RESOURCES.len()] = [b"S", b"M", b"AS", b"NF"];

/// Parses a value (`quota_parseval`). It is a dlist with usage and limit of each resource or, if
/// written before Cyrus 2.5, a line of numbers. The usage is skipped, because each side computes
/// its own.
///
/// # Errors
/// Fails if the value has neither form.
pub fn parse(root: Text, value: &[u8]) -> Result<Quota, Malformed> {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let quota = Quota { root, limits: [None; QUOTA_RESOURCES.len()], modseq: 0 };
    if value.first() == Some(&b'%') { dlist(quota, value) } else { numbers(quota, value) }
}

fn dlist(mut quota: Quota, value: &[u8]) -> Result<Quota, Malformed> {
    let Item::Map(pairs) = dl::parse(value)? else {
        return Err(Malformed::new(0u64, "not a list of keys and values"));
    };
    for (key, item) in &pairs {
        if *key.bytes == *b"MODSEQ" {
            quota.modseq = item.word(key.at)?.number()?;
            continue;
        }
        let resource = KEYS.iter().position(|known| *known == &*key.bytes);
        let Some(limit) = resource.and_then(|resource| quota.limits.get_mut(resource)) else {
            continue; // SCAN of a running quota -f, or a resource of a later version
        };
        let Item::List(amounts) = item else {
            return Err(Malformed::new(key.at, "a resource is not a list"));
        };
        *limit = match amounts.get(1) {
            Some(amount) => limited(amount.word(key.at)?.number()?),
            None => None,
        };
    }
    Ok(quota)
}

/// Converts a stored limit. A negative number means unlimited.
fn limited(limit: i64) -> Option<u64> {
    u64::try_from(limit).ok()
}

/// Parses `USED LIMIT` of storage, then `NAME USED LIMIT` of each other resource. After a limit
/// there may be one more number, which a failed `quota -f` left. A line break may replace a space.
fn numbers(mut quota: Quota, value: &[u8]) -> Result<Quota, Malformed> {
    let mut words = words(value).peekable();
    let end = value.len();
    let mut resource = 0;
    loop {
        let mut number = || {
            let cut_short = || Malformed::new(end, "the quota is cut short");
            words.next().ok_or_else(cut_short)?.number::<i64>()
        };
        number()?;
        let limit = limited(number()?);
        if let Some(slot) = quota.limits.get_mut(resource) {
            *slot = limit;
        }
        words.next_if(|word| word.number::<i64>().is_ok());
        let Some(name) = words.next() else { return Ok(quota) };
        resource = KEYS
            .iter()
            .position(|key| key.eq_ignore_ascii_case(&name.bytes))
            .ok_or_else(|| Malformed::new(name.at, "a resource is unknown"))?;
    }
}

fn words(value: &[u8]) -> impl Iterator<Item = Word<'_>> {
    let mut at = 0;
    value
        .split(|byte| byte.is_ascii_whitespace())
        .map(move |bytes| {
            let word = Word { at, bytes: bytes.into() };
            at += bytes.len() + 1;
            word
        })
        .filter(|word| !word.bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::damage;
    use super::*;

    const DUMP: &str = include_str!("../../tests/fixtures/userdata/dump/quota");
    const REPLY: &str = include_str!("../../tests/fixtures/userdata/replies/user.fred");

    fn limits(value: &[u8]) -> Result<[Option<u64>; 4], String> {
        parse("x".into(), value).map(|quota| quota.limits).map_err(|error| error.to_string())
    }

    #[test]
    fn every_resource_says_what_cyrus_says() {
        let records = damage::records(DUMP);
        let (root, value) = records.iter().find(|(root, _)| root == b"user.fred").unwrap();
        let quota = parse(root.clone().into(), value).unwrap();
        let reply = |field| damage::recorded(REPLY, "* QUOTA", field);
        for (resource, limit) in QUOTA_RESOURCES.iter().zip(quota.limits) {
            let limit = limit.map(|limit| limit.to_string());
            assert_eq!(limit.as_deref(), reply(resource), "{resource}");
        }
        assert_eq!(quota.modseq.to_string(), reply("MODSEQ").unwrap());
    }

    #[test]
    fn a_resource_without_a_limit_is_unlimited() {
        for (root, value) in damage::records(DUMP) {
            let expected = match &root[..] {
                b"user.anna" => [Some(2048), None, None, None],
                b"shared" => [None; 4],
                _ => continue,
            };
            assert_eq!(limits(&value), Ok(expected));
        }
    }

    #[test]
    fn early_numbers_are_read() {
        assert_eq!(limits(b"100 2000"), Ok([Some(2000), None, None, None]));
        assert_eq!(limits(b"100\n2000\n"), Ok([Some(2000), None, None, None]));
        assert_eq!(limits(b"1 -1 M 5 50 AS 0 7"), Ok([None, Some(50), Some(7), None]));
        assert_eq!(limits(b"1 20 99 m 5 50"), Ok([Some(20), Some(50), None, None]));
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        assert_eq!(limits(b"1"), Err("the quota is cut short at offset 0x1".into()));
        assert_eq!(limits(b"1 2 X 3 4"), Err("a resource is unknown at offset 0x4".into()));
        assert_eq!(limits(b"%(S 1)"), Err("a resource is not a list at offset 0x2".into()));
        let complaint = "not a number, or a number that is too large at offset 0x7";
        assert_eq!(limits(b"%(S (0 x))"), Err(complaint.into()));
    }

    #[test]
    fn a_running_recount_does_not_matter() {
        let value = b"%(S (1 20) SCAN %(MBOX user.a S 9 M 1 AS 0 NF 1) MODSEQ 3)";
        assert_eq!(limits(value), Ok([Some(20), None, None, None]));
    }

    #[test]
    fn damage_is_survived() {
        for (_, value) in damage::records(DUMP) {
            damage::survives(&value, |value| drop(parse("x".into(), value)));
        }
        damage::survives(b"1 20 99 M 5 50", |value| drop(parse("x".into(), value)));
    }
}
