//! Which library this is.

use std::ffi::c_char;

use super::panic::boundary;

/// First part of the version that this header belongs to.
pub const CYRSYNC_VERSION_MAJOR: u32 = 0;
/// Second part of the version that this header belongs to.
pub const CYRSYNC_VERSION_MINOR: u32 = 1;
/// Third part of the version that this header belongs to.
pub const CYRSYNC_VERSION_PATCH: u32 = 0;
/// The version that this header belongs to, as cyrsync_version_number() gives the library's.
pub const CYRSYNC_VERSION_NUMBER: u32 = 0x00000100;

/// The version of the library that runs: 0x00MMmmpp. Compare with CYRSYNC_VERSION_NUMBER.
#[unsafe(no_mangle)]
pub extern "C" fn cyrsync_version_number() -> u32 {
    boundary(0, || CYRSYNC_VERSION_MAJOR << 16 | CYRSYNC_VERSION_MINOR << 8 | CYRSYNC_VERSION_PATCH)
}

/// The version of the library that runs, such as "0.1.0". It lives forever.
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
