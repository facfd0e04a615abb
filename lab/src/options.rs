//! How the two servers of a lab are set up.

use std::path::PathBuf;

use crate::trees::Tree;

/// Set-up of a lab; the default is Debian's own configuration where that makes a difference.
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
    /// Expunged messages keep their files until `cyr_expire` comes.
    pub delayed_expunge: bool,
    /// User names may have a domain.
    pub virtdomains: bool,
    /// The replica has archive partitions.
    pub archive_on_replica: bool,
    /// Channels of the master's sync log; an empty name is the default log. No entry: no log.
    pub sync_log_channels: Vec<String>,
    /// Users with a password, beside `admin` and `repl`; [`PASSWORD`] is everybody's.
    /// The lab's IMAP client logs in as anybody, password or not.
    pub users: Vec<String>,
    /// Further lines of the master's imapd.conf: they take the place of the lab's own, and a line
    /// without a value takes the option away. `{dir}` stands for the server's directory.
    pub master_conf: String,
    /// Further lines of the replica's imapd.conf, likewise.
    pub replica_conf: String,
    /// Further environment of both servers and of the clients that run on them; `{lab}` stands for
    /// the lab's directory.
    pub environment: Vec<(String, String)>,
    /// The Cyrus that the master is; by default the one that is installed.
    pub master_tree: Option<Tree>,
    /// The Cyrus that the replica is, likewise.
    pub replica_tree: Option<Tree>,
    /// Where the spools lie; with a [`Tree`] there, by default memory (`/dev/shm`) if a gigabyte is free there.
    pub base: Option<PathBuf>,
}

/// The password of every user of a lab.
pub const PASSWORD: &str = "lab-secret";
/// The administrator's userid.
pub const ADMIN: &str = "admin";
/// The userid that replication logs in with.
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
    /// The defaults of Cyrus itself since 3.0: `/` as separator and the alternative namespace.
    pub fn modern() -> Self {
        Options { unixhierarchysep: true, altnamespace: true, ..Options::default() }
    }
}
