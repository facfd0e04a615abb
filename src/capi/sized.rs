//! Reads and fills structures whose first member is their size. Because of the size, a program and
//! a library may have been built with headers of different versions.
//!
//! Only this file implements the rules; the head of the header describes them for C. Add a new
//! member at the end of its structure, where the old structure ended. Never put it into the old
//! padding: an old program leaves the padding undefined.

use std::mem::MaybeUninit;
use std::slice;

use super::error::{Failure, cyrsync_result, misuse, null_pointer};

/// The largest size that is accepted: no version of a structure will be larger.
const LARGEST: usize = 1 << 16;

/// How to handle members of a later version that this library does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// Ignore these members: they are data that this version does not replicate, or functions that
    /// this version does not call.
    Ignored,
    /// Refuse the structure unless these members are 0: each asks for something that this version
    /// would not do.
    Refused,
}

/// A structure of the header that begins with its size.
///
/// # Safety
/// The type must be `repr(C)`, its first member must be `size: usize`, and all its bytes may be 0.
pub(super) unsafe trait Grows: Copy {
    /// The name of the structure in C.
    const NAME: &'static str;
    /// The smallest size that is accepted. A smaller size is a mistake of the caller, such as the
    /// size of a pointer.
    const SMALLEST: usize;
    /// How to handle members of later versions.
    const UNKNOWN: Unknown;
}

/// Implements [`Grows`] for structures. The member after `may end before` is the first one that the
/// caller's version of the structure may lack.
macro_rules! grows {
    ($($name:ident may end before $member:ident, unknown members are $unknown:ident;)*) => {
        $(
            // SAFETY: the structure begins with its size, which `offset_of` checks below; it
            // consists of numbers, pointers and functions that may be NULL.
            unsafe impl crate::capi::sized::Grows for $name {
                const NAME: &'static str = stringify!($name);
                const SMALLEST: usize = std::mem::offset_of!($name, $member);
                const UNKNOWN: crate::capi::sized::Unknown =
                    crate::capi::sized::Unknown::$unknown;
            }
            const _: () = assert!(
                std::mem::offset_of!($name, size) == 0
                    && std::mem::offset_of!($name, $member).is_multiple_of(align_of::<$name>()),
            );
        )*
    };
}

pub(super) use grows;

/// Checks structures that only the library makes, for callbacks. They begin with their size too, so
/// that the program can find out which members they have.
macro_rules! lent {
    ($($name:ident),*) => {
        $(const _: () = assert!(std::mem::offset_of!($name, size) == 0);)*
    };
}

pub(super) use lent;

/// The reason why a structure is refused.
pub(super) type Refused = String;

/// Returns the size member of a structure. Fails if no version of the structure has this size.
///
/// # Safety
/// `at` must point to a `T` of any version.
unsafe fn said<T: Grows>(at: *const T) -> Result<usize, Refused> {
    // SAFETY: the size is the first member of every version.
    let size = unsafe { at.cast::<usize>().read() };
    // A size of C is a multiple of the alignment. Any other distance between the elements of an
    // array would misalign them.
    if (T::SMALLEST..=LARGEST).contains(&size) && size.is_multiple_of(align_of::<T>()) {
        Ok(size)
    } else {
        Err(format!("its size is {size}, not sizeof({})", T::NAME))
    }
}

/// Copies a structure of C. Members that the caller's version does not have become 0.
///
/// # Safety
/// `from` must point to a structure whose size member is its true size, and that nothing changes
/// during the call.
pub(super) unsafe fn read<T: Grows>(from: *const T) -> Result<T, Refused> {
    // SAFETY: guaranteed by the caller (see `# Safety`).
    let size = unsafe { said(from) }?;
    let known = size.min(size_of::<T>());
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: both structures have at least `known` bytes.
    unsafe { value.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(from.cast(), known) };
    if T::UNKNOWN == Unknown::Refused {
        // SAFETY: the size member is the true size of the structure.
        let rest = unsafe { slice::from_raw_parts(from.cast::<u8>().add(known), size - known) };
        if rest.iter().any(|byte| *byte != 0) {
            let version = env!("CARGO_PKG_VERSION");
            return Err(format!("a member is set that cyrsync {version} does not know"));
        }
    }
    // SAFETY: each member came from C or is zero, and the trait allows both.
    Ok(unsafe { value.assume_init() })
}

/// Copies an array of C. The size of the first element is the distance between elements.
///
/// # Safety
/// `first` must point to `count` structures of one version that meet the conditions of [`read`].
/// `first` may be NULL if `count` is 0.
pub(super) unsafe fn read_array<T: Grows>(
    first: *const T,
    count: usize,
    most: usize,
) -> Result<Vec<T>, Refused> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if first.is_null() {
        return Err("is NULL".to_owned());
    }
    if count > most {
        return Err(format!("there are {count} elements, but at most {most} are allowed"));
    }
    // SAFETY: the pointer is not NULL. The caller guarantees the rest.
    let stride = unsafe { said(first) }?;
    let mut all = Vec::with_capacity(count);
    for n in 0..count {
        // SAFETY: the array has `count` elements of `stride` bytes, so the element is inside the
        // array.
        let one = unsafe { first.byte_add(n * stride) };
        // SAFETY: guaranteed by the caller (see `# Safety`).
        unsafe {
            if said(one)? != stride {
                return Err("the elements differ in size".to_owned());
            }
            all.push(read(one)?);
        }
    }
    Ok(all)
}

/// Copies a structure that C passes as an argument.
///
/// # Safety
/// As for [`read`]; `from` may be NULL.
pub(super) unsafe fn argument<T: Grows>(from: *const T, name: &str) -> Result<T, Failure> {
    if from.is_null() {
        return Err(null_pointer(name));
    }
    // SAFETY: the pointer is not NULL. The caller guarantees the rest.
    unsafe { read(from) }.map_err(|refused| wrong(name, refused))
}

/// A structure of the caller for the library to fill.
pub(super) struct Place<T> {
    to: *mut T,
    size: usize,
}

impl<T: Grows> Place<T> {
    /// Checks the structure before the work that fills it begins.
    ///
    /// # Safety
    /// `to` must be NULL or point to a structure whose size member is its true size.
    pub(super) unsafe fn new(to: *mut T, name: &str) -> Result<Place<T>, Failure> {
        if to.is_null() {
            return Err(null_pointer(name));
        }
        // SAFETY: the pointer is not NULL. The caller guarantees the rest.
        let size = unsafe { said(to) }.map_err(|refused| wrong(name, refused))?;
        Ok(Place { to, size })
    }

    /// Does the same as [`Place::new`], but returns `None` if `to` is NULL.
    ///
    /// # Safety
    /// As for [`Place::new`].
    pub(super) unsafe fn optional(to: *mut T, name: &str) -> Result<Option<Place<T>>, Failure> {
        if to.is_null() {
            return Ok(None);
        }
        // SAFETY: guaranteed by the caller (see `# Safety`).
        unsafe { Place::new(to, name) }.map(Some)
    }

    /// Fills the members that the caller's version has, except the size. Sets members that this
    /// library does not know to 0.
    ///
    /// # Safety
    /// The conditions of [`Place::new`] must still be met.
    pub(super) unsafe fn fill(self, value: &T) {
        const BEHIND_SIZE: usize = size_of::<usize>();
        let known = self.size.min(size_of::<T>());
        let (from, to) = (std::ptr::from_ref(value).cast::<u8>(), self.to.cast::<u8>());
        // SAFETY: both structures have at least `known` bytes, and the caller's structure has
        // `size` bytes. No size is smaller than the size member itself.
        unsafe {
            to.add(BEHIND_SIZE)
                .copy_from_nonoverlapping(from.add(BEHIND_SIZE), known - BEHIND_SIZE);
            to.add(known).write_bytes(0, self.size - known);
        }
    }
}

fn wrong(name: &str, refused: Refused) -> Failure {
    misuse(cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT, name, refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct data {
        size: usize,
        first: u64,
        second: u64,
    }

    #[repr(C)]
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct request {
        size: usize,
        first: u64,
        second: u64,
    }

    grows! {
        data may end before second, unknown members are Ignored;
        request may end before second, unknown members are Refused;
    }

    /// A structure of another version: its size and four members, as numbers.
    type Words = [u64; 5];

    fn words(size: usize) -> Words {
        [size as u64, 1, 2, 3, 4]
    }

    fn read_data(words: &Words) -> Result<data, Refused> {
        // SAFETY: `Words` has 40 bytes. Each size in these tests is at most 40, or is refused
        // before any member is read.
        unsafe { read(words.as_ptr().cast()) }
    }

    #[test]
    fn smaller_and_larger_structures_are_read_as_far_as_both_sides_know_them() {
        let read = |size| read_data(&words(size)).map(|it| (it.first, it.second));
        assert_eq!(read(16), Ok((1, 0)));
        assert_eq!(read(24), Ok((1, 2)));
        assert_eq!(read(40), Ok((1, 2)));
        for absurd in [0, 1, 8, 15, 17, 20, 23, 28, 39, LARGEST + 1, usize::MAX] {
            let refused = read(absurd).unwrap_err();
            assert!(refused.contains("sizeof(data)"), "{refused}");
        }
    }

    #[test]
    fn an_unknown_request_is_refused() {
        // SAFETY: the size member is the true size.
        let read = |words: &Words| unsafe { read::<request>(words.as_ptr().cast()) };
        assert!(read(&[40, 1, 2, 0, 0]).is_ok());
        let refused = read(&[40, 1, 2, 0, 1]).unwrap_err();
        assert!(refused.contains("does not know"), "{refused}");
    }

    #[test]
    fn the_first_element_gives_the_size_of_all_elements() {
        // SAFETY: the array has as many words as the size members say.
        let read =
            |words: &[u64], count| unsafe { read_array::<data>(words.as_ptr().cast(), count, 3) };
        let firsts = |words: &[u64], count| {
            let read = read(words, count)?;
            Ok::<_, Refused>(read.iter().map(|one| (one.first, one.second)).collect::<Vec<_>>())
        };
        assert_eq!(firsts(&[16, 1, 16, 2], 2), Ok(vec![(1, 0), (2, 0)]));
        assert_eq!(firsts(&[32, 1, 2, 3, 32, 4, 5, 6], 2), Ok(vec![(1, 2), (4, 5)]));
        assert_eq!(firsts(&[16, 1, 24, 2, 3], 2), Err("the elements differ in size".into()));
        // The second element begins at byte 17, with the same size.
        let misaligned = firsts(&[17, 1, 17 << 8, 0, 0], 2);
        assert!(misaligned.unwrap_err().contains("its size is 17, not sizeof(data)"));
        assert!(firsts(&[16, 1], 4).unwrap_err().contains("at most 3 are allowed"));
        // SAFETY: NULL is refused if the count is 1, and is not read if the count is 0.
        unsafe {
            assert_eq!(read_array::<data>(std::ptr::null(), 1, 3), Err("is NULL".into()));
            assert_eq!(read_array::<data>(std::ptr::null(), 0, 3), Ok(Vec::new()));
        }
    }

    #[test]
    fn no_more_is_written_than_there_is_room_for() {
        let fill = |size| {
            let mut words = words(size);
            // SAFETY: the size member is the true size.
            unsafe {
                let place = Place::<data>::new(words.as_mut_ptr().cast(), "out")?;
                place.fill(&data { size: 0, first: 8, second: 9 });
            }
            Ok::<_, Failure>(words)
        };
        assert_eq!(fill(16).unwrap(), [16, 8, 2, 3, 4]);
        assert_eq!(fill(24).unwrap(), [24, 8, 9, 3, 4]);
        assert_eq!(fill(32).unwrap(), [32, 8, 9, 0, 4]);
        let refused = fill(0).unwrap_err();
        assert_eq!(refused.code, cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT);
        assert!(refused.message.to_string_lossy().contains("out"));
    }
}
