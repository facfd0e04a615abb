//! Tests with damaged files on the master, and with replicas that are broken or hostile.

mod damage;
mod hostile;
