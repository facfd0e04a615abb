//! The connection to the replica: connect, log in, and a pipelined session.
//!
//! [`Replica`] is the seam between engine and network.

mod agree;
#[cfg(test)]
mod agree_tests;
mod aside;
mod capabilities;
mod coding;
mod commands;
mod connect;
#[cfg(test)]
mod connect_tests;
mod deflate;
mod dialect;
mod direct;
mod dry;
mod encoder;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod greet;
mod interrupt;
mod layer;
mod lines;
mod link;
mod local;
mod offer;
mod patience;
mod pipeline;
mod replies;
mod responses;
mod sasl;
mod session;
mod settings;
mod socket;
mod spool_file;
mod starttls;
#[cfg(test)]
mod starttls_tests;
mod target;
#[cfg(test)]
mod tests;
pub mod tls;

pub use capabilities::Capabilities;
pub use commands::Replica;
pub use direct::{Answer, Direct};
pub use dry::Dry;
pub use interrupt::Interrupt;
pub use link::Traffic;
pub use sasl::Credentials;
pub use session::Session;
pub use settings::Settings;
pub use socket::KeepAlive;
pub use target::{Target, service_port};
