//! Reports the version of the library.

use std::ffi::c_char;

use super::panic::boundary;

/// The major version of this header: X in version X.Y.Z.
pub const CYRSYNC_VERSION_MAJOR: u32 = 0;
/// The minor version of this header: Y in version X.Y.Z.
pub const CYRSYNC_VERSION_MINOR: u32 = 1;
/// The patch version of this header: Z in version X.Y.Z.
pub const CYRSYNC_VERSION_PATCH: u32 = 0;
/// The version of this header as one number, 0x00MMmmpp: a byte each for the major, minor and patch
/// version. cyrsync_version_number() returns the version of the library in the same form.
pub const CYRSYNC_VERSION_NUMBER: u32 = 0x00000100;

/// Returns the version of the library that the program runs with, as a number of the form
/// 0x00MMmmpp. Compare it with CYRSYNC_VERSION_NUMBER, the version that the program was compiled
/// with.
#[unsafe(no_mangle)]
pub extern "C" fn cyrsync_version_number() -> u32 {
    boundary(0, || CYRSYNC_VERSION_MAJOR << 16 | CYRSYNC_VERSION_MINOR << 8 | CYRSYNC_VERSION_PATCH)
}

/// Returns the version of the library that the program runs with, such as "0.1.0". The string is
/// static: it must not be freed.
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
