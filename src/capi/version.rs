//! Reports the version of the library.

use std::ffi::c_char;

use super::panic::boundary;

/// The first part of the header's version.
pub const CYRSYNC_VERSION_MAJOR: u32 = 0;
/// The second part of the header's version.
pub const CYRSYNC_VERSION_MINOR: u32 = 1;
/// The third part of the header's version.
pub const CYRSYNC_VERSION_PATCH: u32 = 0;
/// The header's version as a number: 0x00MMmmpp, like cyrsync_version_number().
pub const CYRSYNC_VERSION_NUMBER: u32 = 0x00000100;

/// Returns the version of the library that the program runs with: 0x00MMmmpp. Compare it with
/// CYRSYNC_VERSION_NUMBER.
#[unsafe(no_mangle)]
pub extern "C" fn cyrsync_version_number() -> u32 {
    boundary(0, || CYRSYNC_VERSION_MAJOR << 16 | CYRSYNC_VERSION_MINOR << 8 | CYRSYNC_VERSION_PATCH)
}

/// Returns the version of the library that the program runs with, such as "0.1.0". The string is
/// static.
#[unsafe(no_mangle)]
pub extern "C" fn cyrsync_version_string() -> *const c_char {
    boundary(c"".as_ptr(), || concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_and_the_whole_are_those_of_the_package() {
        let parts = [CYRSYNC_VERSION_MAJOR, CYRSYNC_VERSION_MINOR, CYRSYNC_VERSION_PATCH];
        assert_eq!(parts.map(|part| part.to_string()).join("."), env!("CARGO_PKG_VERSION"));
        assert_eq!(cyrsync_version_number(), CYRSYNC_VERSION_NUMBER);
    }
}
