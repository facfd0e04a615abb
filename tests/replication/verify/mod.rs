//! Tests `--verify`, which compares both sides completely and changes nothing.

mod big;
mod equal;
mod indexes;
mod messages;
mod motion;
mod planted;
mod world;
