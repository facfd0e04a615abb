//! Parses a bandwidth limit: the number of bytes that may be sent per second, by the time of day.

use std::fmt;
use std::num::NonZeroU64;

use crate::error::{Error, Kind, Result};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Bytes per second; `None` means no limit.
pub type Rate = Option<NonZeroU64>;

/// A bandwidth limit (`sync_bwlimit`, `--bwlimit`): a general rate, and rates for times of the day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bandwidth {
    rate: Rate,
    times: Vec<TimeOfDay>,
}

/// A rate for a time of the day, from minute `from` up to minute `to`, which is not included. If
/// `to` is less than `from`, the time includes midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TimeOfDay {
    from: u16,
    to: u16,
    rate: Rate,
}

impl TimeOfDay {
    fn holds(self, minute: u16) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

impl Bandwidth {
    /// Parses `RATE[,HH:MM-HH:MM=RATE...]`. A rate is a number of bytes per second. K, M or G after
    /// it mean units of 1024, 1024² or 1024³ bytes; `0` and `off` mean no limit. The first time of
    /// the day that contains the current minute determines the rate. If no time contains it, the
    /// first rate is used.
    ///
    /// # Errors
    /// [`Kind::Config`] for anything else.
    pub fn parse(text: &str) -> Result<Bandwidth> {
        let refuse = |part: &str, what: &str| {
            let what = format!("{part:?} is not {what}");
            Error::new(Kind::Config, "read bandwidth limit", text, what).with_hint(
                "write a rate in bytes per second, with K, M or G, or off; rates for times of the \
                 day may follow: 10M,08:00-18:00=1M",
            )
        };
        let mut parts = text.split(',').map(str::trim);
        let first = parts.next().unwrap_or_default();
        let rate = rate(first).ok_or_else(|| refuse(first, "a rate"))?;
        let times = parts.map(|part| time(part).ok_or_else(|| refuse(part, "a time with a rate")));
        Ok(Bandwidth { rate, times: times.collect::<Result<_>>()? })
    }

    /// Returns the rate for a minute of the day.
    pub fn at(&self, minute: u16) -> Rate {
        self.times.iter().find(|time| time.holds(minute)).map_or(self.rate, |time| time.rate)
    }

    /// Returns whether the rate depends on the time of day.
    pub fn changes(&self) -> bool {
        !self.times.is_empty()
    }

    /// Returns whether there is a limit at any time of the day.
    pub fn is_limited(&self) -> bool {
        self.rate.is_some() || self.times.iter().any(|time| time.rate.is_some())
    }
}

/// Parses a rate. Returns `None` if the text is not a rate, and `Some(None)` for no limit.
#[allow(clippy::option_option, reason = "no limit is a rate too")]
fn rate(text: &str) -> Option<Rate> {
    if text == "off" {
        return Some(None);
    }
    let (digits, unit) = match text.as_bytes().last()?.to_ascii_uppercase() {
        b'K' => (text.get(..text.len() - 1)?, 1 << 10),
        b'M' => (text.get(..text.len() - 1)?, 1 << 20),
        b'G' => (text.get(..text.len() - 1)?, 1 << 30),
        _ => (text, 1u64),
    };
    Some(NonZeroU64::new(number(digits)?.checked_mul(unit)?))
}

/// Parses a number that consists of digits only. `str::parse` would also accept a sign.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn time(text: &str) -> Option<TimeOfDay> {
    let (span, behind) = text.split_once('=')?;
    let (from, to) = span.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    // Refuse equal times, which could mean the whole day or nothing.
    (from != to && from < DAY).then_some(TimeOfDay { from, to, rate: rate(behind)? })
}

/// Parses `HH:MM`, up to `24:00`.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |digits: &str| number(digits).filter(|_| digits.len() == 2);
    let (hour, minute) = (two(hour)?, two(minute)?);
    let all = u16::try_from(hour * 60 + minute).ok()?;
    (minute < 60 && all <= DAY).then_some(all)
}

/// Writes the limit as imapd.conf has it.
impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_rate(self.rate, f)?;
        self.times.iter().try_for_each(|time| {
            let [from, to] = [time.from, time.to].map(|at| (at / 60, at % 60));
            write!(f, ",{:02}:{:02}-{:02}:{:02}=", from.0, from.1, to.0, to.1)?;
            write_rate(time.rate, f)
        })
    }
}

fn write_rate(rate: Rate, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(rate) = rate else { return f.write_str("off") };
    let rate = rate.get();
    let units = [(30, "G"), (20, "M"), (10, "K")];
    match units.into_iter().find(|(bits, _)| rate.is_multiple_of(1 << bits)) {
        Some((bits, unit)) => write!(f, "{}{unit}", rate >> bits),
        None => write!(f, "{rate}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, time: &str) -> u64 {
        let minute = minute(time).unwrap();
        Bandwidth::parse(text).unwrap().at(minute).map_or(0, NonZeroU64::get)
    }

    #[test]
    fn rates_have_units() {
        for (text, rate) in [
            ("0", 0),
            ("off", 0),
            ("0K", 0),
            ("1", 1),
            ("1500", 1500),
            ("2K", 2 << 10),
            ("3m", 3 << 20),
            ("1G", 1 << 30),
        ] {
            assert_eq!(at(text, "12:00"), rate, "{text}");
            assert_eq!(Bandwidth::parse(text).unwrap().is_limited(), rate > 0, "{text}");
            assert!(!Bandwidth::parse(text).unwrap().changes());
        }
    }

    #[test]
    fn the_first_time_that_holds_counts() {
        let text = "10M, 08:00-18:00=1M,12:00-13:00=5M, 22:30-06:00=off,05:00-07:00=7K";
        for (time, rate) in [
            ("07:59", 10 << 20),
            ("08:00", 1 << 20),
            ("12:30", 1 << 20),
            ("17:59", 1 << 20),
            ("18:00", 10 << 20),
            ("22:29", 10 << 20),
            ("22:30", 0),
            ("23:59", 0),
            ("00:00", 0),
            ("05:30", 0),
            ("06:00", 7 << 10),
            ("07:00", 10 << 20),
        ] {
            assert_eq!(at(text, time), rate, "{time}");
        }
        let limits = Bandwidth::parse(text).unwrap();
        assert!(limits.changes() && limits.is_limited());
        assert_eq!(
            limits.to_string(),
            "10M,08:00-18:00=1M,12:00-13:00=5M,22:30-06:00=off,05:00-07:00=7K"
        );
        assert_eq!(Bandwidth::parse(&limits.to_string()).unwrap(), limits);
        assert_eq!(at("off,18:00-24:00=1K", "23:59"), 1 << 10);
        assert_eq!(at("off,18:00-24:00=1K", "00:00"), 0);
        assert!(Bandwidth::parse("off,18:00-24:00=1025").unwrap().is_limited());
    }

    #[test]
    fn invalid_limits_are_refused_with_their_text() {
        for (text, part) in [
            ("", ""),
            ("fast", "fast"),
            ("K", "K"),
            ("1T", "1T"),
            ("1.5M", "1.5M"),
            ("-1", "-1"),
            ("+1", "+1"),
            ("1 M", "1 M"),
            ("99999999999G", "99999999999G"),
            ("1M,", ""),
            ("1M,08:00-18:00", "08:00-18:00"),
            ("1M,08:00=2M", "08:00=2M"),
            ("1M,8:00-18:00=2M", "8:00-18:00=2M"),
            ("1M,08:60-18:00=2M", "08:60-18:00=2M"),
            ("1M,24:00-18:00=2M", "24:00-18:00=2M"),
            ("1M,08:00-24:01=2M", "08:00-24:01=2M"),
            ("1M,08:00-08:00=2M", "08:00-08:00=2M"),
            ("1M,+8:00-18:00=2M", "+8:00-18:00=2M"),
            ("1M,08:00-18:00=x", "08:00-18:00=x"),
            ("08:00-18:00=1M", "08:00-18:00=1M"),
        ] {
            let error = Bandwidth::parse(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Config, "{text}");
            assert!(error.detail().starts_with(&format!("{part:?} is not ")), "{error}");
        }
    }
}
