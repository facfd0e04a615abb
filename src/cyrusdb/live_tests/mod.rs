//! Reads databases while Cyrus writes to them, and after Cyrus was killed.
//!
//! These tests need Cyrus's `cyr_dbtool` (path in `CYR_DBTOOL`, or Debian's path). Without it they
//! print a line and do nothing. If root runs the tests, the tool runs as the user `cyrus`, because
//! it must run as that user.

mod killed;
mod tool;
mod work;
mod writers;
