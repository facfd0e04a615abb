//! The number of simultaneous connections.

use std::fmt;

/// The maximum number of connections, as in the table of options.
const MOST: usize = 64;

/// The number of simultaneous connections to the replica (`sync_jobs`, `-j`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Jobs {
    /// Begins with one connection, and adds more, up to four, as long as this increases the speed.
    #[default]
    Auto,
    /// This number, if there is enough work and the replica accepts so many.
    Number(usize),
}

impl Jobs {
    /// Parses the value of a command line option: `auto`, or a number from 1 to 64.
    pub fn from_word(word: &str) -> Option<Jobs> {
        match word.parse() {
            Ok(number @ 1..=MOST) => Some(Jobs::Number(number)),
            Err(_) if word == "auto" => Some(Jobs::Auto),
            _ => None,
        }
    }
}

/// Writes the value as imapd.conf has it.
impl fmt::Display for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Jobs::Auto => f.write_str("auto"),
            Jobs::Number(number) => write!(f, "{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::{of, of_channel};

    #[test]
    fn a_number_is_one_to_64() {
        for (word, jobs) in [
            ("auto", Some(Jobs::Auto)),
            ("1", Some(Jobs::Number(1))),
            ("64", Some(Jobs::Number(64))),
            ("0", None),
            ("65", None),
            ("-1", None),
            ("many", None),
            ("", None),
        ] {
            assert_eq!(Jobs::from_word(word), jobs, "{word}");
            if let Some(jobs) = jobs {
                assert_eq!(jobs.to_string(), word);
            }
        }
    }

    #[test]
    fn a_channel_may_have_more_than_the_rest() {
        assert_eq!(of("").sync_jobs, Jobs::Auto);
        let lines = "sync_host: a\nsync_jobs: 1\nfar_sync_jobs: 8\n";
        assert_eq!(of(lines).sync_jobs, Jobs::Number(1));
        assert_eq!(of_channel(lines, Some("far")).sync_jobs, Jobs::Number(8));
    }
}
