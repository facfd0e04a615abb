//! Replaces a server's files with files that were recorded from another server.

use std::path::Path;
use std::process::Command;

use crate::Cyrus;

/// Stops a server and installs `conf`, `spool` and `sieve` from the directory `from`. The cyrus
/// user needs no access to `from`.
///
/// # Panics If the files cannot be copied.
pub fn install(server: &mut Cyrus, from: &Path) {
    server.stop_server();
    let script = "rm -rf conf/mailboxes.db conf/annotations.db conf/user conf/quota spool
        mkdir -p spool sieve
        for part in conf spool sieve; do
            cp -r \"$0/$part/.\" $part/
            chown -R cyrus:mail $part
            chmod -R u+rwX $part
        done";
    let mut shell = Command::new("sh");
    shell.args(["-ec", script]).arg(from).current_dir(server.dir());
    assert!(shell.status().expect("there is a shell").success(), "{}", from.display());
}
