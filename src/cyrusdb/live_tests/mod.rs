//! Reading databases while Cyrus writes to them, and after it was killed.
//!
//! Needs Cyrus's `cyr_dbtool` (`CYR_DBTOOL`, or Debian's path); without it the tests say so and do
//! nothing. If root runs the tests, the tool runs as the user `cyrus`, which it requires.

mod killed;
mod tool;
mod work;
mod writers;
