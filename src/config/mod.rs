//! imapd.conf as Cyrus 3.8.1 reads it (`config_read` in `lib/libconfig.c`, and what
//! `cyrus_init` in `imap/global.c` adds).
//!
//! What it means for a client is in [`settings`](crate::settings).

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
