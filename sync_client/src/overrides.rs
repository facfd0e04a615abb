//! Converts the command line to settings that take precedence over imapd.conf.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use cyrsync::host::Text;
use cyrsync::option::{AllowRepair, Bandwidth, Jobs};
use cyrsync::{Overrides, Pattern};

use crate::exit::{Exit, Fatal};
use crate::flags::{Low, Mode};
use crate::list;

/// How long rolling replication waits for a lock before it continues with another task.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);

/// Returns the settings that the command line requests.
pub fn overrides(low: &Low) -> Result<Overrides, Fatal> {
    // The partition has an effect only with -u and -m, as with Cyrus.
    let has_effect = matches!(low.mode, Some(Mode::Users | Mode::Mailboxes));
    let partition = low.dest_partition.as_ref().filter(|_| has_effect);
    let mut asked = Overrides::default();
    asked.server = text(low.server.as_ref());
    asked.dest_partition = partition.map(|name| Text::new(name.as_bytes()));
    asked.local_only = low.local_only;
    asked.skip_locked = low.skip_locked;
    asked.no_copyback = low.no_copyback;
    asked.copyback = low.copyback;
    asked.allow_repair = allow_repair(low)?;
    asked.stage_to_archive = low.stage_to_archive;
    asked.require_compression = low.require_compression;
    asked.connect_once = low.connect_once;
    asked.jobs = jobs(low)?;
    asked.bwlimit = bwlimit(low)?;
    asked.exclude = exclude(low)?;
    asked.sync_repeat_interval = (low.delay != 0).then(|| seconds(low.delay));
    asked.release_staged_after = low.timeout.map(seconds);
    asked.shutdown_file = low.shutdown_file.as_ref().map(PathBuf::from);
    asked.metrics_file = low.metrics_file.as_ref().map(PathBuf::from);
    asked.rolling_once = low.rolling_once;
    // Without a channel, there is no log for entries of locked users. So the client waits for locks
    // without a limit.
    asked.lock_patience = match (low.mode, &low.input_file, &low.channel) {
        (Some(Mode::Rolling), Some(_), None) => None,
        (Some(Mode::Rolling), _, _) => Some(LOCK_PATIENCE),
        _ => None,
    };
    asked.reconnect = true;
    Ok(asked)
}

/// Parses `--allow-repair`. Rolling replication ignores this flag, because it would allow all
/// repairs for as long as the daemon runs.
fn allow_repair(low: &Low) -> Result<AllowRepair, Fatal> {
    match low.allow_repair.as_deref().filter(|_| low.mode != Some(Mode::Rolling)) {
        Some(words) => AllowRepair::from_words(&words.to_string_lossy())
            .map_err(|error| Fatal::new(Exit::Usage, error.to_string())),
        None => Ok(AllowRepair::default()),
    }
}

/// Parses `--jobs`, the number of connections.
fn jobs(low: &Low) -> Result<Option<Jobs>, Fatal> {
    let Some(word) = &low.jobs else { return Ok(None) };
    let word = word.to_string_lossy();
    match Jobs::from_word(&word) {
        Some(jobs) => Ok(Some(jobs)),
        None => {
            let what = format!("--jobs {word}: write auto, or a whole number from 1 to 64");
            Err(Fatal::new(Exit::Usage, what))
        }
    }
}

/// Parses `--bwlimit`, the maximum of bytes sent per second.
fn bwlimit(low: &Low) -> Result<Option<Bandwidth>, Fatal> {
    let Some(word) = &low.bwlimit else { return Ok(None) };
    match Bandwidth::parse(&word.to_string_lossy()) {
        Ok(limit) => Ok(Some(limit)),
        Err(error) => {
            let what = format!("--bwlimit: {}: {}", error.detail(), error.hint());
            Err(Fatal::new(Exit::Usage, what))
        }
    }
}

/// Parses the patterns of `--exclude`. [`exclude_from`] reads the patterns of files.
fn exclude(low: &Low) -> Result<Vec<Pattern>, Fatal> {
    let is_given = !low.exclude.is_empty() || !low.exclude_from.is_empty();
    if is_given && low.mode == Some(Mode::Rolling) {
        let what = "--exclude cannot be used in rolling replication: changes of excluded users \
                    would be removed from the log and lost; use it with -A, -u, -m or -s";
        return Err(Fatal::new(Exit::Usage, what));
    }
    low.exclude.iter().map(|word| pattern("--exclude", word.as_bytes())).collect()
}

/// Reads the patterns of `--exclude-from`. Fails if a file cannot be read.
pub fn exclude_from(low: &Low) -> Result<Vec<Pattern>, Fatal> {
    let mut patterns = Vec::new();
    for path in &low.exclude_from {
        let unreadable =
            |_| Fatal::new(Exit::Failed, "without the patterns to exclude nothing is replicated");
        for word in list::open(path).map_err(unreadable)? {
            let from = format!("--exclude-from {}", path.display());
            patterns.push(pattern(&from, &word.map_err(unreadable)?)?);
        }
    }
    Ok(patterns)
}

fn pattern(flag: &str, word: &[u8]) -> Result<Pattern, Fatal> {
    Pattern::new(word).map_err(|error| Fatal::new(Exit::Usage, format!("{flag}: {error}")))
}

/// Converts a number of seconds. A negative number counts as 0.
fn seconds(number: i32) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(0))
}

/// Returns an argument as text. Replaces bytes that are not UTF-8.
pub fn text(word: Option<&OsString>) -> Option<String> {
    word.map(|word| word.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_options_have_priority_over_imapd_conf() {
        let low = Low {
            mode: Some(Mode::Users),
            server: Some("replica".into()),
            dest_partition: Some("fast".into()),
            skip_locked: true,
            ..Low::default()
        };
        let asked = overrides(&low).expect("nothing is wrong");
        assert_eq!(asked.server.as_deref(), Some("replica"));
        assert_eq!(asked.dest_partition, Some(Text::from("fast")));
        assert!(asked.skip_locked && !asked.no_copyback);
        assert_eq!((asked.sync_repeat_interval, asked.release_staged_after), (None, None));
        let all = Low { mode: Some(Mode::All), delay: 7, timeout: Some(-1), ..low };
        let asked = overrides(&all).expect("nothing is wrong");
        assert_eq!(asked.dest_partition, None);
        assert_eq!(asked.sync_repeat_interval, Some(Duration::from_secs(7)));
        assert_eq!(asked.release_staged_after, Some(Duration::ZERO));
    }

    #[test]
    fn a_limit_and_patterns_are_read_before_anything_is_done() {
        let low = Low {
            mode: Some(Mode::All),
            bwlimit: Some("1M".into()),
            exclude: vec!["a*".into(), "b?".into()],
            ..Low::default()
        };
        let asked = overrides(&low).expect("nothing is wrong");
        assert_eq!(asked.bwlimit.map(|limit| limit.to_string()).as_deref(), Some("1M"));
        assert_eq!(asked.exclude.len(), 2);
        let rolling = Low { mode: Some(Mode::Rolling), ..low };
        let fatal = overrides(&rolling).expect_err("changes would be lost");
        assert!(fatal.exit == Exit::Usage && fatal.message.contains("rolling"), "{fatal:?}");
        for (bwlimit, exclude, reported) in [("fast", "a", "\"fast\""), ("1M", "u[1", "u[1")] {
            let low = Low {
                mode: Some(Mode::All),
                bwlimit: Some(bwlimit.into()),
                exclude: vec![exclude.into()],
                ..Low::default()
            };
            let fatal = overrides(&low).expect_err("it is no rate, or no pattern");
            assert!(fatal.exit == Exit::Usage && fatal.message.contains(reported), "{fatal:?}");
        }
    }

    #[test]
    fn repairs_are_allowed_more_for_one_run_only() {
        let low = Low {
            mode: Some(Mode::Mailboxes),
            allow_repair: Some("expunge,scripts".into()),
            ..Low::default()
        };
        let allowed = allow_repair(&low).expect("these are words");
        assert!(allowed.expunge && allowed.scripts && !allowed.annotations && !allowed.uids);
        let rolling = Low { mode: Some(Mode::Rolling), ..low };
        assert_eq!(allow_repair(&rolling).expect("nothing"), AllowRepair::default());
        let wrong =
            Low { mode: Some(Mode::Users), allow_repair: Some("much".into()), ..Low::default() };
        assert_eq!(allow_repair(&wrong).expect_err("no word").exit, Exit::Usage);
    }
}
