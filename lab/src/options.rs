//! The options of a lab's two servers.

use std::path::PathBuf;

use crate::trees::Tree;

/// The options of a lab. The defaults match Debian's configuration where that makes a difference.
#[derive(Debug, Clone)]
pub struct Options {
    /// `/` separates mailbox names and dots are ordinary characters.
    pub unixhierarchysep: bool,
    /// A user's mailboxes are beside INBOX, not below it.
    pub altnamespace: bool,
    /// Partition directories are hashed by user.
    pub hashimapspool: bool,
    /// The master (and replica) keep conversations.
    pub conversations: bool,
    /// Reverse ACLs (RACLMODSEQ on the wire).
    pub reverseacls: bool,
    /// Deleted mailboxes are kept below `DELETED.`.
    pub delayed_delete: bool,
    /// Expunged messages keep their files until `cyr_expire` removes them.
    pub delayed_expunge: bool,
    /// User names may have a domain.
    pub virtdomains: bool,
    /// The replica has archive partitions.
    pub archive_on_replica: bool,
    /// Channels of the master's sync log; an empty name is the default log. If empty, there is no
    /// log.
    pub sync_log_channels: Vec<String>,
    /// The servers have a `sync_server` that listens on [`Cyrus::csync_port`](crate::Cyrus).
    pub csync: bool,
    /// Users with a password besides `admin` and `repl`. All have the password [`PASSWORD`]. The
    /// lab's IMAP client can log in as any user, with or without a password.
    pub users: Vec<String>,
    /// Additional lines of the master's imapd.conf. They replace the lab's own lines, and a line
    /// without a value removes the option. `{dir}` is replaced by the server's directory.
    pub master_conf: String,
    /// Additional lines of the replica's imapd.conf, with the same rules.
    pub replica_conf: String,
    /// Additional environment variables of both servers and of clients that run on them. `{lab}` is
    /// replaced by the lab's directory.
    pub environment: Vec<(String, String)>,
    /// The Cyrus of the master; by default the installed one.
    pub master_tree: Option<Tree>,
    /// The Cyrus of the replica; by default the installed one.
    pub replica_tree: Option<Tree>,
    /// Directory for the spools. The default is memory (`/dev/shm`) if a gigabyte is free there, or
    /// the directory of the [`Tree`] if one is used.
    pub base: Option<PathBuf>,
}

/// The password of every user of a lab.
pub const PASSWORD: &str = "lab-secret";
/// The administrator's userid.
pub const ADMIN: &str = "admin";
/// The userid that replication uses to log in.
pub const REPLICATOR: &str = "repl";

impl Default for Options {
    fn default() -> Self {
        Options {
            unixhierarchysep: false,
            altnamespace: false,
            hashimapspool: true,
            conversations: false,
            reverseacls: false,
            delayed_delete: true,
            delayed_expunge: true,
            virtdomains: false,
            archive_on_replica: false,
            sync_log_channels: vec![String::new()],
            csync: true,
            users: Vec::new(),
            master_conf: String::new(),
            replica_conf: String::new(),
            environment: Vec::new(),
            master_tree: None,
            replica_tree: None,
            base: None,
        }
    }
}

impl Options {
    /// Returns Cyrus's own defaults since 3.0: separator `/` and the alternative namespace.
    pub fn modern() -> Self {
        Options { unixhierarchysep: true, altnamespace: true, ..Options::default() }
    }
}
