//! Tests of what the other tests are made with: the lab and its benchmark.

mod bench;
mod servers;
