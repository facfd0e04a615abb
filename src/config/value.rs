//! Parses the values of imapd.conf (`config_parse_switch`, `config_parseduration` and the integer
//! case of `config_read_file` in `lib/libconfig.c`).
//!
//! Each function takes the text of a value, without blanks around it, and returns `None` for a text
//! that Cyrus refuses. Numbers that are too large for Cyrus's types are refused too; Cyrus lets
//! them overflow.

/// The unit of a number in a duration, if the number has no unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// `s`
    Seconds,
    /// `m`
    Minutes,
    /// `h`
    Hours,
    /// `d`
    Days,
}

impl TimeUnit {
    const fn seconds(self) -> i32 {
        match self {
            TimeUnit::Seconds => 1,
            TimeUnit::Minutes => 60,
            TimeUnit::Hours => 3600,
            TimeUnit::Days => 86400,
        }
    }
}

/// Parses a switch. Only the first letter is compared; for `on` and `off` also the second one.
/// Letters must be in lower case.
pub fn switch(text: &str) -> Option<bool> {
    match text.as_bytes() {
        [b'0' | b'n' | b'f', ..] | [b'o', b'f', ..] => Some(false),
        [b'1' | b'y' | b't', ..] | [b'o', b'n', ..] => Some(true),
        _ => None,
    }
}

/// Parses an integer like `strtol`: decimal, `0x` hexadecimal or `0` octal, with an optional sign.
pub fn int(text: &str) -> Option<i32> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, text.get(1..)?),
        [b'+', ..] => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    // from_str_radix would accept a second sign.
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let value = i64::from_str_radix(digits, radix).ok()?;
    i32::try_from(if negative { -value } else { value }).ok()
}

/// Parses a duration, and returns it in seconds. It consists of numbers, each followed by `d`, `h`,
/// `m` or `s`, such as `1h30m`. The last number may have no unit; then it has the unit `default`. A
/// `-` may precede the whole duration.
pub fn duration(text: &str, default: TimeUnit) -> Option<i32> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (mut total, mut number) = (0i32, None::<i32>);
    for byte in rest.bytes() {
        let unit = match byte {
            b'0'..=b'9' => {
                let digit = i32::from(byte - b'0');
                number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?);
                continue;
            }
            b's' => TimeUnit::Seconds,
            b'm' => TimeUnit::Minutes,
            b'h' => TimeUnit::Hours,
            b'd' => TimeUnit::Days,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit.seconds())?)?;
    }
    match number {
        Some(n) => Some(sign * total.checked_add(n.checked_mul(default.seconds())?)?),
        // The text is empty or only a `-`.
        None if rest.is_empty() => None,
        None => Some(sign * total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_in_all_spellings() {
        for on in ["1", "yes", "y", "t", "true", "on", "10"] {
            assert_eq!(switch(on), Some(true), "{on}");
        }
        for off in ["0", "no", "n", "f", "false", "off", "of", "never"] {
            assert_eq!(switch(off), Some(false), "{off}");
        }
        for bad in ["", "o", "Yes", "ON", "2", "-1", "x"] {
            assert_eq!(switch(bad), None, "{bad}");
        }
    }

    #[test]
    fn integers_in_three_bases() {
        for (text, value) in
            [("0", 0), ("8192", 8192), ("-1", -1), ("+7", 7), ("0x10", 16), ("010", 8)]
        {
            assert_eq!(int(text), Some(value), "{text}");
        }
        for bad in ["", "-", "1k", "08", "0x", "--1", "+-1", "1 ", "2147483648", "0x-1"] {
            assert_eq!(int(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_add_up() {
        let s = TimeUnit::Seconds;
        for (text, value) in [
            ("30m", 1800),
            ("1d12h", 129600),
            ("1h30m5", 5405),
            ("-1d", -86400),
            ("0", 0),
            ("5m5m", 600),
        ] {
            assert_eq!(duration(text, s), Some(value), "{text}");
        }
        assert_eq!(duration("30", TimeUnit::Minutes), Some(1800));
        assert_eq!(duration("1h30", TimeUnit::Minutes), Some(5400));
        assert_eq!(duration("7", TimeUnit::Days), Some(604_800));
        assert_eq!(duration("2", TimeUnit::Hours), Some(7200));
        for bad in ["", "-", "m", "1 m", "1w", "1m h", "30M", "--1", "99999999999", "90000d"] {
            assert_eq!(duration(bad, s), None, "{bad}");
        }
    }

    #[test]
    fn no_text_panics() {
        let alphabet = ["", "-", "0", "9", "x", "k", "i", "b", "d", " ", "é", "99999999999"];
        for a in alphabet {
            for b in alphabet {
                for c in alphabet {
                    let text = format!("{a}{b}{c}");
                    let _ = (switch(&text), int(&text), duration(&text, TimeUnit::Days));
                }
            }
        }
    }
}
