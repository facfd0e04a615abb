//! Reads imapd.conf like Cyrus 3.8.1 (`config_read` in `lib/libconfig.c`, and the additions of
//! `cyrus_init` in `imap/global.c`).
//!
//! [`settings`](crate::settings) makes the typed settings of a client from it.

mod bandwidth;
mod check;
mod expand;
mod fingerprint;
mod later;
mod lines;
mod load;
#[cfg(test)]
mod manual;
pub(crate) mod opt;
mod origin;
mod read;
mod server;
mod spelling;
#[cfg(test)]
mod tests;
pub(crate) mod value;
mod values;

pub use bandwidth::{Bandwidth, Rate};
pub use fingerprint::Fingerprint;
pub use load::DEFAULT_PATH;
pub use origin::Origin;
pub use server::{Target, service_port};
pub use spelling::{Misspelt, misspelt, unknown_to_cyrus};
pub use values::Config;
pub(crate) use values::is_secret;
