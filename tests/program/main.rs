//! Tests of the program from outside: its command line, `--check-config`, its installation, its
//! Debian packages, and the guides for administrators.

mod check_config;
mod cli;
mod guides;
mod includes;
#[cfg(feature = "capi")]
mod install;
#[path = "../house/links.rs"]
mod links;
mod packages;
