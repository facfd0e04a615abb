//! Where partitions lie.

use std::path::Path;

use super::opt;
use super::values::Config;

/// The root directories of partitions.
#[derive(Debug, Clone, Copy)]
pub struct Partitions<'c> {
    config: &'c Config,
}

impl<'c> Partitions<'c> {
    /// Those that a configuration names.
    pub fn of(config: &'c Config) -> Partitions<'c> {
        Partitions { config }
    }

    /// Root directory of a partition: `partition-<name>`.
    pub fn data(self, name: &str) -> Option<&'c Path> {
        self.config.overflow(&format!("partition-{name}")).map(Path::new)
    }

    /// Root directory of a partition's metadata: `metapartition-<name>`. Which files lie there is
    /// for [`opt::METAPARTITION_FILES`] to say.
    pub fn metadata(self, name: &str) -> Option<&'c Path> {
        self.config.overflow(&format!("metapartition-{name}")).map(Path::new)
    }

    /// Root directory of a partition's archived messages: `archivepartition-<name>`, if archiving
    /// is on.
    pub fn archive(self, name: &str) -> Option<&'c Path> {
        if !self.config.switch(opt::ARCHIVE_ENABLED) {
            return None;
        }
        self.config.overflow(&format!("archivepartition-{name}")).map(Path::new)
    }
}
