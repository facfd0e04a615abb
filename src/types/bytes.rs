//! Byte string types, one for each use, so that a mailbox name cannot be mistaken for a userid.

use std::borrow::Borrow;
use std::fmt;

use serde::ser::{Serialize, Serializer};

use super::json::Bytes;
use crate::limits::MAILBOX_NAME_BYTES;

macro_rules! byte_string {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(Box<[u8]>);

        impl $name {
            /// Creates the value from bytes as they are on disk or on the wire.
            pub fn new(bytes: impl AsRef<[u8]>) -> Self {
                $name(bytes.as_ref().into())
            }
            /// Returns the bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
            /// Returns whether there are no bytes.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&String::from_utf8_lossy(&self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", String::from_utf8_lossy(&self.0))
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Bytes(&self.0).serialize(serializer)
            }
        }
        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        impl Borrow<[u8]> for $name {
            fn borrow(&self) -> &[u8] {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(s: &str) -> Self {
                $name::new(s)
            }
        }
        impl From<&[u8]> for $name {
            fn from(s: &[u8]) -> Self {
                $name::new(s)
            }
        }
        impl From<Vec<u8>> for $name {
            fn from(s: Vec<u8>) -> Self {
                $name(s.into())
            }
        }
        impl PartialEq<[u8]> for $name {
            fn eq(&self, other: &[u8]) -> bool {
                *self.0 == *other
            }
        }
        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                *self.0 == *other.as_bytes()
            }
        }
    };
}

byte_string! {
    /// A mailbox name in Cyrus's internal form: `user.fred.Sent`, in modified UTF-7. A dot within a
    /// component is written as `^`. With virtual domains, a domain comes first:
    /// `example.com!user.fred`.
    ///
    /// ```
    /// use cyrsync::MboxName;
    ///
    /// assert!(MboxName::from("user.fred.Sent").is_possible());
    /// assert!(!MboxName::from("user.fred\n").is_possible());
    /// ```
    MboxName
}
byte_string! {
    /// The uniqueid of a mailbox. It stays the same when the mailbox is renamed.
    UniqueId
}
byte_string! {
    /// A userid: `fred.smith`, `fred@example.com`. Its dots are not replaced by `^`, as they are in
    /// internal names of mailboxes.
    ///
    /// ```
    /// use cyrsync::UserId;
    ///
    /// assert_eq!(UserId::from("fred").as_bytes(), b"fred");
    /// ```
    UserId
}
byte_string! {
    /// Any other text: an ACL, a partition, a quota root, a flag name, an annotation entry.
    Text
}

impl MboxName {
    /// Returns whether Cyrus can have given a mailbox this name: it is not empty, not too long and
    /// has no control characters. A replica crashes if it receives another name.
    pub fn is_possible(&self) -> bool {
        !self.0.is_empty()
            && self.0.len() <= MAILBOX_NAME_BYTES
            && !self.0.iter().any(u8::is_ascii_control)
    }
}
