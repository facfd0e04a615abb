//! Finds settings with names that look like typing errors, and settings that Cyrus does not know.

use super::check::{channel_spec, spec};
use super::opt::{self, DEPRECATED, NOT_READ, Spec};
use super::origin::Origin;
use super::values::Config;

/// Minimum length of names that are compared. Shorter names are too similar to each other.
const SHORTEST: usize = 6;
/// Maximum number of letters in which a misspelt name differs from the right name.
const LETTERS: usize = 2;

/// A setting whose name is not the name of an option, but is similar to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misspelt {
    /// The file, the line and the name of the setting.
    pub origin: Origin,
    /// The name that was probably intended; `None` if no option has a similar name.
    pub near: Option<String>,
}

/// Returns the settings of a file whose names look misspelt: they are not names of options, but are
/// similar to an option of the table or begin with `sync_`. Cyrus ignores such lines.
pub fn misspelt(config: &Config) -> Vec<Misspelt> {
    let all = config.lines.iter();
    all.filter_map(|origin| {
        let near = slip(key_of(origin)?, &config.service)?;
        Some(Misspelt { origin: origin.clone(), near })
    })
    .collect()
}

/// Returns the settings of a file that are read here, but that `cyr_info conf-lint` of Cyrus
/// reports as unknown. These are options that only cyrsync reads, options that begin with
/// `sync_client_`, and options of channels that `sync_log_channels` does not name.
pub fn unknown_to_cyrus(config: &Config) -> Vec<&Origin> {
    let channels = config.string(opt::SYNC_LOG_CHANNELS, None).unwrap_or_default();
    let channels: Vec<String> = channels.split(' ').map(str::to_ascii_lowercase).collect();
    let service = format!("{}_", config.service);
    let complains = |key: &str| {
        if let Some(known) = spec(key) {
            return known.is_ours();
        }
        if key.strip_prefix(&service).is_some_and(|rest| spec(rest).is_some()) {
            return true;
        }
        let Some(known) = channel_spec(key) else { return false };
        let channel = channel_of(key, known);
        known.is_ours() || !channels.iter().any(|named| named == channel)
    };
    config.lines.iter().filter(|origin| key_of(origin).is_some_and(complains)).collect()
}

/// Returns the channel of a key `<channel>_<option>`.
fn channel_of<'k>(key: &'k str, known: &Spec) -> &'k str {
    let head = key.strip_suffix(known.name).unwrap_or_default();
    head.strip_suffix('_').unwrap_or(head)
}

fn key_of(origin: &Origin) -> Option<&str> {
    match origin {
        Origin::Line { key, .. } => Some(key),
        _ => None,
    }
}

/// Returns `Some` if a key is probably a typing error. The inner value is the name that was
/// probably intended, or `None` if no option has a similar name.
fn slip(key: &str, service: &str) -> Option<Option<String>> {
    let own = key.strip_prefix(service).and_then(|rest| rest.strip_prefix('_'));
    let (head, name) = match own {
        Some(rest) => (format!("{service}_"), rest),
        None => (String::new(), key),
    };
    if is_known(name) || key.starts_with("sasl_") || key.contains('-') {
        return None;
    }
    if let Some(near) = nearest(name, |_| true) {
        return Some(Some(format!("{head}{near}")));
    }
    if name.starts_with("sync_") {
        return Some(None);
    }
    // The name may belong to a channel or another service. If it is similar to no option, it
    // belongs to another program.
    let (channel, _) = name.match_indices("_sync_").last()?;
    let (channel, rest) = name.split_at_checked(channel + 1)?;
    let near = nearest(rest, |known| known.has_channels())?;
    Some(Some(format!("{head}{channel}{near}")))
}

fn is_known(name: &str) -> bool {
    spec(name).is_some()
        || channel_spec(name).is_some()
        || NOT_READ.iter().any(|known| {
            name.strip_suffix(known).is_some_and(|head| head.is_empty() || head.ends_with('_'))
        })
        || DEPRECATED.iter().any(|former| former.name == name)
}

/// Returns the option's name that is most similar to `name`, if one is similar enough.
fn nearest(name: &str, fits: impl Fn(&Spec) -> bool) -> Option<&'static str> {
    if name.len() < SHORTEST {
        return None;
    }
    let names = opt::ALL.iter().filter(|known| known.name.len() >= SHORTEST && fits(known));
    let measured = names.map(|known| (distance(name, known.name), known.name));
    // The distance is not 0, because known names were handled before.
    measured.filter(|(far, _)| (1..=LETTERS).contains(far)).min().map(|(_, name)| name)
}

/// Returns the number of letters in which two names differ. A letter can be added, removed or
/// changed, or two neighbouring letters can be swapped.
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len().abs_diff(other.len()) > LETTERS {
        return LETTERS + 1;
    }
    let first: Vec<usize> = (0..=other.len()).collect();
    let (mut before, mut last) = (first.clone(), first);
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let at =
                |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX - 1);
            let changed = at(&last, j) + usize::from(a != b);
            let mut least = changed.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped =
                i > 0 && j > 0 && one.get(i - 1) == Some(b) && other.get(j - 1) == Some(a);
            if swapped {
                least = least.min(at(&before, j - 1) + 1);
            }
            row.push(least);
        }
        (before, last) = (last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Config {
        let text = format!("configdirectory: /c\n{lines}");
        Config::from_text(text.as_bytes(), "imapd.conf").unwrap()
    }

    #[test]
    fn slips_are_found_with_what_was_meant() {
        let near = |line: &str| {
            let found = misspelt(&read(line));
            assert!(found.len() <= 1, "{line}: {found:?}");
            found.into_iter().next().map(|slip| slip.near.unwrap_or_default())
        };
        for (line, meant) in [
            ("sync_hots: a", "sync_host"),
            ("sync_hos: a", "sync_host"),
            ("sync_log_chanels: a b", "sync_log_channels"),
            ("sync_try_imp: no", "sync_try_imap"),
            ("far_sync_pasword: x", "far_sync_password"),
            ("sync_client_sync_tsl: off", "sync_client_sync_tls"),
            ("tls_server_ca_fiel: /x", "tls_server_ca_file"),
            ("sync_anything_else: 1", ""),
        ] {
            assert_eq!(near(line).as_deref(), Some(meant), "{line}");
        }
        for line in [
            "sync_host: a",
            "far_sync_host: a",
            "sync_client_sync_host: a",
            "sync_log_chain: yes",
            "tls_ca_file: /x",
            "tls_client_certs: optional",
            "imap_sync_log: yes",
            "lmtp_something_else: 1",
            "partition-sync_hots: /x",
            "sasl_sync_hots: 1",
            "admins: a",
            "adming: a",
        ] {
            assert_eq!(near(line), None, "{line}");
        }
    }

    #[test]
    fn only_what_cyrus_does_not_know_is_reported() {
        let config = read(
            "sync_log_channels: far\nsync_host: a\nsync_jobs: 2\nfar_sync_host: b\n\
             far_sync_tls: off\nother_sync_host: c\nsync_client_sync_port: 2005\nadmins: x\n",
        );
        let keys: Vec<&str> = unknown_to_cyrus(&config).into_iter().filter_map(key_of).collect();
        assert_eq!(keys, ["sync_jobs", "far_sync_tls", "other_sync_host", "sync_client_sync_port"]);
    }

    #[test]
    fn distances_count_letters() {
        for (one, other, far) in
            [("abcdef", "abcdef", 0), ("abcdef", "abdcef", 1), ("abcdef", "abcde", 1)]
        {
            assert_eq!((distance(one, other), distance(other, one)), (far, far), "{one} {other}");
        }
        assert!(distance("sync_host", "sync_password") > LETTERS);
    }
}
