//! Native reader of a Cyrus spool.
