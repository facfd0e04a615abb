//! Settings of repairs. A repair brings master and replica together after they have diverged, and
//! may change the master.

use super::fuse::{AllowRepair, Fuse};
use super::overrides::Overrides;
use super::resolver::{Resolver, yes_or_no};
use crate::config::opt;

/// Whether a repair may change the master, and which changes it may make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repair {
    pub no_copyback: bool,
    pub fuse: Fuse,
}

impl Repair {
    pub fn resolve(resolver: &mut Resolver<'_>, overrides: &Overrides) -> Repair {
        let configured = resolver.switch(opt::SYNC_NO_COPYBACK);
        let no_copyback = overrides.no_copyback || configured && !overrides.copyback;
        if overrides.no_copyback || overrides.copyback {
            resolver.overridden(yes_or_no(no_copyback));
        }
        let fuse = resolver.switch(opt::SYNC_REPAIR_FUSE);
        let max_expunge = resolver.int(opt::SYNC_REPAIR_MAX_EXPUNGE);
        resolver.asked("--allow-repair", overrides.allow_repair.words());
        Repair {
            no_copyback,
            fuse: Fuse {
                // A negative number means no limit.
                max_expunge: u64::try_from(max_expunge).ok(),
                allowed: if fuse { overrides.allow_repair } else { AllowRepair::ALL },
            },
        }
    }
}
