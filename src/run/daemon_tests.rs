//! Rolling replication, stepped by hand.
