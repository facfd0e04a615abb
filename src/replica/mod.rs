//! The connection to the replica: connect, log in, and a pipelined session.
//!
//! [`Replica`] is the interface through which the engine (`src/engine`) sends commands to the
//! replica.

mod agree;
#[cfg(test)]
mod agree_tests;
mod aside;
mod asking;
mod bandwidth;
mod broken;
mod capabilities;
mod coding;
mod commands;
mod connect;
#[cfg(test)]
mod connect_tests;
mod deflate;
mod destination;
mod dialect;
mod direct;
mod dry;
mod effort;
#[cfg(test)]
mod effort_tests;
mod encoder;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod greet;
mod imagined;
mod interrupt;
mod layer;
mod lines;
mod link;
mod local;
mod measured;
mod overflow;
#[cfg(test)]
mod overflow_tests;
mod pace;
mod patience;
mod pipeline;
mod replies;
mod responses;
mod sasl;
mod server_capabilities;
mod session;
mod shadow;
mod shared;
mod socket;
mod spool_file;
mod stage;
mod starttls;
#[cfg(test)]
mod starttls_tests;
#[cfg(test)]
mod tests;
pub mod tls;
mod traffic;
mod ways;

pub use aside::{Left, aside};
pub use asking::Asking;
pub use bandwidth::Limiter;
pub use capabilities::Capabilities;
pub use commands::Replica;
pub use connect::probe;
pub use destination::Destination;
pub use direct::{Answer, Direct};
pub use dry::Dry;
pub use interrupt::Interrupt;
pub use session::Session;
pub use shared::{Lane, WeakLane};
pub use socket::addresses;
pub use stage::{Offered, Shown, Stage, Trust};
pub use traffic::Traffic;
