//! What compilers call on their own account: there is no C library in an image. Loops are assembly, in which the compiler
//! cannot see the very functions that they make up.

use core::arch::asm;
use core::arch::x86_64::__m128i;

/// From here on the string instructions win over loops.
const LONG: usize = 512;

/// Up to 32 bytes; everything is read before anything is written, so that the blocks may overlap.
#[inline(always)]
unsafe fn move_short(to: *mut u8, from: *const u8, count: usize) {
    macro_rules! ends {
        ($type:ty, $size:expr) => {{
            let first = (from as *const $type).read_unaligned();
            let last = (from.add(count - $size) as *const $type).read_unaligned();
            (to as *mut $type).write_unaligned(first);
            (to.add(count - $size) as *mut $type).write_unaligned(last)
        }};
    }
    match count {
        16..=32 => ends!(__m128i, 16),
        8..=15 => ends!(u64, 8),
        4..=7 => ends!(u32, 4),
        2..=3 => ends!(u16, 2),
        1 => *to = *from,
        _ => {}
    }
}

/// # Safety
/// As memmove(3).
#[no_mangle]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    if count <= 32 {
        move_short(to, from, count)
    } else if (to as usize).wrapping_sub(from as usize) < count {
        // Backwards; the first 16 bytes, which the loop may leave, are read before they are overwritten.
        let first = (from as *const __m128i).read_unaligned();
        asm!(
            "2:",
            "movups {t}, xmmword ptr [{from} + {n} - 16]",
            "movups xmmword ptr [{to} + {n} - 16], {t}",
            "sub {n}, 16",
            "cmp {n}, 16",
            "ja 2b",
            t = out(xmm_reg) _, from = in(reg) from, to = in(reg) to, n = inout(reg) count => _, options(nostack)
        );
        (to as *mut __m128i).write_unaligned(first)
    } else if count < LONG {
        let last = (from.add(count - 16) as *const __m128i).read_unaligned();
        asm!(
            "2:",
            "movups {t}, xmmword ptr [{from} + {i}]",
            "movups xmmword ptr [{to} + {i}], {t}",
            "add {i}, 16",
            "cmp {i}, {end}",
            "jb 2b",
            t = out(xmm_reg) _, from = in(reg) from, to = in(reg) to, i = inout(reg) 0usize => _,
            end = in(reg) count - 16, options(nostack)
        );
        (to.add(count - 16) as *mut __m128i).write_unaligned(last)
    } else {
        asm!(
            "rep movsb",
            inout("rcx") count => _, inout("rsi") from => _, inout("rdi") to => _,
            options(nostack, preserves_flags)
        )
    }
    to
}

/// # Safety
/// As memcpy(3).
#[no_mangle]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    memmove(to, from, count)
}

/// # Safety
/// As memset(3).
#[no_mangle]
pub unsafe extern "C" fn memset(to: *mut u8, value: i32, count: usize) -> *mut u8 {
    let word = (value as u8 as u64).wrapping_mul(0x0101_0101_0101_0101);
    match count {
        0 => {}
        1..=7 => {
            for index in 0..count {
                to.add(index).write_volatile(value as u8)
            }
        }
        8..=16 => {
            (to as *mut u64).write_unaligned(word);
            (to.add(count - 8) as *mut u64).write_unaligned(word)
        }
        _ => asm!(
            "rep stosb",
            inout("rcx") count => _, inout("rdi") to => _, in("al") value as u8,
            options(nostack, preserves_flags)
        ),
    }
    to
}

/// # Safety
/// As memcmp(3).
#[no_mangle]
pub unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    for index in 0..count {
        let (a, b) = (left.add(index).read_volatile(), right.add(index).read_volatile());
        if a != b {
            return a as i32 - b as i32;
        }
    }
    0
}

/// # Safety
/// As bcmp(3).
#[no_mangle]
pub unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    memcmp(left, right, count)
}
