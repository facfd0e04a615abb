//! What breaks a rule today. These lists only shrink.

/// Files that name something of a module above them: `from -> to`.
pub const UPWARD: &[&str] = &[
    "src/store/apply/server.rs -> src/replica/mod.rs",
    "src/store/apply/server.rs -> src/replica/session.rs",
];

/// Files that name each other in a circle.
pub const IN_CIRCLES: &[&str] = &[
    "src/bin/sync_client/flags/mod.rs",
    "src/bin/sync_client/flags/table.rs",
    "src/bin/sync_client/getopt.rs",
    "src/config/mod.rs",
    "src/config/read.rs",
    "src/replica/aside.rs",
    "src/replica/connect.rs",
    "src/replica/direct.rs",
    "src/replica/dry.rs",
    "src/replica/mod.rs",
    "src/replica/sasl/choose.rs",
    "src/replica/sasl/mod.rs",
    "src/replica/sasl/plugin.rs",
    "src/replica/session.rs",
    "src/replica/socket.rs",
    "src/replica/tls/channel.rs",
    "src/replica/tls/failure.rs",
    "src/replica/tls/mod.rs",
    "src/replica/tls/trust.rs",
    "src/replica/tls/verified.rs",
    "src/replica/tls/verify.rs",
    "src/sys/sasl2/mod.rs",
    "src/sys/sasl2/turn.rs",
];

/// Files above [`MOST_LINES`](crate::MOST_LINES).
pub const LONG: &[&str] = &[];

/// Types above [`MOST_METHODS`](crate::MOST_METHODS): `file: name`.
pub const WIDE: &[&str] = &[
    "src/config/mod.rs: Config",
    "src/replica/session.rs: Session",
    "src/store/spool/store.rs: Spool",
];
