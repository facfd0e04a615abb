//! Tests every kind of mailbox and of user data, with its special cases.

mod entries;
mod index_versions;
pub mod made;
mod mail_types;
mod message_files;
mod quota_roots;
mod seen_and_subscriptions;
mod sieve_directories;
