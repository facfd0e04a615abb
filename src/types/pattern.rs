//! Patterns for names, such as `user*`.

use std::fmt;

use super::Text;
use crate::error::{Error, Kind, Result};

/// A pattern for userids and external mailbox names. `*` matches any bytes, also separators. `?`
/// matches one byte, `[a-z]` one of these bytes, and `[!a-z]` one byte that is not among them.
/// `[*]` matches an asterisk. All other bytes match themselves; upper and lower case differ.
///
/// ```
/// use cyrsync::Pattern;
///
/// let pattern = Pattern::new(b"dept.*.[!x]?")?;
/// assert!(pattern.matches(b"dept.sales.ab") && !pattern.matches(b"dept.sales.xb"));
/// # Ok::<(), cyrsync::Error>(())
/// ```
// The crate `glob` does the matching. The Rust project maintains it, and it has no dependencies;
// `globset` would need a complete engine for regular expressions. `glob` needs text, but names need
// not be UTF-8. Therefore each byte is converted to the Unicode character with the same number.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Text,
    glob: glob::Pattern,
}

impl Pattern {
    /// Returns whether a name contains a special character of patterns.
    pub fn is_one(name: &[u8]) -> bool {
        name.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
    }

    /// Parses a pattern.
    ///
    /// # Errors
    /// [`Kind::InvalidArgument`] if the text is not a valid pattern.
    pub fn new(text: &[u8]) -> Result<Pattern> {
        let refuse = |what: &str| {
            Error::new(Kind::InvalidArgument, "read pattern", Text::new(text).to_string(), what)
        };
        if text.is_empty() {
            return Err(refuse("it is empty"));
        }
        // Replace `**` by `*`, because `glob` gives `**` a special meaning for paths.
        let mut one = text.to_vec();
        one.dedup_by(|next, last| *next == b'*' && *last == b'*');
        let glob = glob::Pattern::new(&letters(&one))
            .map_err(|_| refuse("a [ has no closing ]").with_hint("write [[] for a literal ["))?;
        Ok(Pattern { text: Text::new(text), glob })
    }

    /// Returns whether the pattern matches a name.
    pub fn matches(&self, name: &[u8]) -> bool {
        self.glob.matches(&letters(name))
    }
}

/// Converts each byte to the Unicode character with the same number.
fn letters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Writes the pattern as it was given.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.text, f)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_names() {
        for (pattern, yes, no) in [
            ("j*", &["j", "jane", "j.doe", "j@x"][..], &["J", "aj"][..]),
            ("*@example.com", &["a@example.com"], &["a@example.org", "example.com"]),
            ("user.fred.*", &["user.fred.a", "user.fred.a.b", "user.fred."], &["user.fred"]),
            ("user/*/Trash", &["user/a/Trash", "user/a/b/Trash"], &["user/Trash"]),
            ("**", &["", "a/b"], &[]),
            ("a***b", &["ab", "a/.b"], &["a"]),
            ("u?", &["u1", "u/"], &["u", "u12"]),
            ("u[0-4]*", &["u0", "u49"], &["u5", "u"]),
            ("u[!0-4]", &["u5", "ux"], &["u4"]),
            ("a[*]b", &["a*b"], &["axb"]),
            ("a[[]b", &["a[b"], &["ab"]),
            ("plain", &["plain"], &["plain "]),
        ] {
            let read = Pattern::new(pattern.as_bytes()).unwrap();
            assert_eq!(read.to_string(), pattern);
            for name in yes {
                assert!(read.matches(name.as_bytes()), "{pattern} {name}");
            }
            for name in no {
                assert!(!read.matches(name.as_bytes()), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn names_are_bytes() {
        let pattern = Pattern::new(b"fr\xe9?").unwrap();
        assert!(pattern.matches(b"fr\xe9\xff"));
        assert!(!pattern.matches("fr\u{e9}d".as_bytes()), "two bytes");
        assert!(Pattern::new("fr\u{e9}*".as_bytes()).unwrap().matches("fr\u{e9}d".as_bytes()));
    }

    #[test]
    fn an_invalid_pattern_is_refused_with_its_text() {
        for text in ["", "[", "a[b", "x[!]", "[]"] {
            let error = Pattern::new(text.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidArgument);
            assert_eq!(*error.subject(), text, "{error}");
        }
    }

    #[test]
    fn many_asterisks_take_no_time() {
        let pattern = Pattern::new("*a".repeat(40).as_bytes()).unwrap();
        assert!(!pattern.matches("a".repeat(39).as_bytes()));
        let long = [b"a".repeat(400), b"b".to_vec()].concat();
        assert!(!pattern.matches(&long));
        assert!(pattern.matches(&b"a".repeat(400)));
    }

    #[test]
    fn only_some_names_may_be_patterns() {
        assert!(["a*", "?", "x[0]"].iter().all(|name| Pattern::is_one(name.as_bytes())));
        assert!(!Pattern::is_one(b"user.fred]"));
    }
}
