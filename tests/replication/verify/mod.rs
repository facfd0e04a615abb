//! `--verify`: compares both sides in full and changes nothing.

mod big;
mod equal;
mod indexes;
mod messages;
mod motion;
mod planted;
mod world;
