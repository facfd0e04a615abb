//! Checks of the project's own files: sources, C header, documentation and dependencies. These
//! tests start no servers.

mod commands;
mod dependencies;
mod docs;
#[cfg(feature = "capi")]
mod header;
mod layers;
mod links;
