//! Linear memory.

use crate::{trap, MEMORY_BOUNDS, V128};
use core::arch::asm;
use core::arch::x86_64::__m128i;

/// What the host keeps of a memory (CRWasm.h).
#[repr(C)]
pub struct MemoryState {
    pub(crate) base: *mut u8,
    /// Accessible bytes, a multiple of 64 KiB.
    pub(crate) bytes: u64,
    /// Makes `pages` more accessible; the old number of pages, or -1.
    grow: extern "C" fn(memory: *mut MemoryState, pages: u32) -> i32,
    /// The host's own: bytes that it may grow to.
    maximum: u64,
    /// The host's own: where it counts what is taken.
    room: *mut u64,
}

#[cfg(native)]
impl MemoryState {
    pub(crate) fn new(base: *mut u8, bytes: u64, maximum: u64) -> MemoryState {
        extern "C" fn grow(memory: *mut MemoryState, pages: u32) -> i32 {
            // Safe: only a memory calls it, with its own state.
            let memory = unsafe { &mut *memory };
            let (old, more) = (memory.bytes, (pages as u64) << 16);
            if more > memory.maximum - old {
                return -1;
            }
            memory.bytes = old + more;
            (old >> 16) as i32
        }
        MemoryState { base, bytes, grow, maximum, room: core::ptr::null_mut() }
    }
}

/// A memory of a living instance.
#[derive(Clone, Copy)]
pub struct Memory {
    base: *mut u8,
    /// In an image no handler sees to what lies beyond, so that accesses are checked.
    #[cfg(native)]
    limit: u64,
    state: *mut MemoryState,
}

/// Makes a loaded value count as used: a load that faults must not be left out.
#[inline(always)]
fn used_i32(value: i32) -> i32 {
    // Safe: no instruction.
    unsafe { asm!("/* {0:e} */", in(reg) value, options(nomem, nostack, preserves_flags)) }
    value
}
#[inline(always)]
fn used_i64(value: i64) -> i64 {
    // Safe: no instruction.
    unsafe { asm!("/* {0} */", in(reg) value, options(nomem, nostack, preserves_flags)) }
    value
}
#[inline(always)]
fn used_f32(value: f32) -> f32 {
    // Safe: no instruction.
    unsafe { asm!("/* {0} */", in(xmm_reg) value, options(nomem, nostack, preserves_flags)) }
    value
}
#[inline(always)]
fn used_f64(value: f64) -> f64 {
    // Safe: no instruction.
    unsafe { asm!("/* {0} */", in(xmm_reg) value, options(nomem, nostack, preserves_flags)) }
    value
}
#[inline(always)]
fn used_vector(value: __m128i) -> V128 {
    // Safe: no instruction.
    unsafe { asm!("/* {0} */", in(xmm_reg) value, options(nomem, nostack, preserves_flags)) }
    V128(value)
}

macro_rules! loads {
    ($($name:ident: $stored:ty as $type:ty, $used:ident;)*) => {$(
        #[inline(always)]
        pub fn $name(&self, address: i32, offset: u32) -> $type {
            // Safe: `at` stays in the reservation, where what is not accessible faults.
            $used(unsafe { (self.at::<$stored>(address, offset) as *const $stored).read_unaligned() } as $type)
        }
    )*};
}

macro_rules! stores {
    ($($name:ident: $type:ty as $stored:ty;)*) => {$(
        #[inline(always)]
        pub fn $name(&self, address: i32, offset: u32, value: $type) {
            // Safe: as for loads.
            unsafe { (self.at::<$stored>(address, offset) as *mut $stored).write_unaligned(value as $stored) }
        }
    )*};
}

impl Memory {
    pub(crate) fn new(state: *mut MemoryState) -> Memory {
        let none = state.is_null();
        // Safe: the host's, alive with the instance. Without a memory, validated code accesses none.
        Memory {
            base: if none { core::ptr::null_mut() } else { unsafe { (*state).base } },
            #[cfg(native)]
            limit: if none { 0 } else { unsafe { (*state).bytes } },
            state,
        }
    }

    /// Where a `T` lies.
    #[inline(always)]
    fn at<T>(&self, address: i32, offset: u32) -> *mut u8 {
        #[cfg(native)]
        if address as u32 as u64 + offset as u64 + core::mem::size_of::<T>() as u64 > self.limit {
            trap(MEMORY_BOUNDS, u32::MAX)
        }
        self.base.wrapping_add(address as u32 as usize + offset as usize)
    }

    loads! {
        i32_load: i32 as i32, used_i32;
        i64_load: i64 as i64, used_i64;
        f32_load: f32 as f32, used_f32;
        f64_load: f64 as f64, used_f64;
        i32_load8_s: i8 as i32, used_i32;
        i32_load8_u: u8 as i32, used_i32;
        i32_load16_s: i16 as i32, used_i32;
        i32_load16_u: u16 as i32, used_i32;
        i64_load8_s: i8 as i64, used_i64;
        i64_load8_u: u8 as i64, used_i64;
        i64_load16_s: i16 as i64, used_i64;
        i64_load16_u: u16 as i64, used_i64;
        i64_load32_s: i32 as i64, used_i64;
        i64_load32_u: u32 as i64, used_i64;
    }

    #[inline(always)]
    pub fn v128_load(&self, address: i32, offset: u32) -> V128 {
        // Safe: as for the other loads.
        used_vector(unsafe { (self.at::<__m128i>(address, offset) as *const __m128i).read_unaligned() })
    }

    #[inline(always)]
    pub fn v128_store(&self, address: i32, offset: u32, value: V128) {
        // Safe: as for the other stores.
        unsafe { (self.at::<__m128i>(address, offset) as *mut __m128i).write_unaligned(value.0) }
    }

    stores! {
        i32_store: i32 as i32;
        i64_store: i64 as i64;
        f32_store: f32 as f32;
        f64_store: f64 as f64;
        i32_store8: i32 as u8;
        i32_store16: i32 as u16;
        i64_store8: i64 as u8;
        i64_store16: i64 as u16;
        i64_store32: i64 as u32;
    }

    /// A copy of `own`, a memory of the same instance, after code ran that may have grown it. In the host's address space
    /// nothing of it changes then.
    #[inline(always)]
    pub fn renewed(self, own: &Memory) -> Memory {
        #[cfg(native)]
        return *own;
        #[cfg(not(native))]
        self
    }

    // Methods that are not always inlined take a copy: a pointer to the instance's memory, once given away, would have the
    // optimiser load it again after each store.

    fn bytes(self) -> u64 {
        // Safe: the host's state; code that asks has a memory.
        unsafe { (*self.state).bytes }
    }

    #[inline]
    pub fn size(self) -> i32 {
        (self.bytes() >> 16) as i32
    }

    #[inline(always)]
    pub fn grow(&mut self, pages: i32) -> i32 {
        // Safe: as in `bytes`.
        let old = unsafe { ((*self.state).grow)(self.state, pages as u32) };
        #[cfg(native)]
        (self.limit = self.bytes());
        old
    }

    /// Address and count as lengths, checked.
    #[inline]
    fn range(self, address: i32, count: i32, at: u32) -> (*mut u8, usize) {
        let (address, count) = (address as u32 as u64, count as u32 as u64);
        if address + count > self.bytes() {
            trap(MEMORY_BOUNDS, at)
        }
        (self.base.wrapping_add(address as usize), count as usize)
    }

    pub fn fill(self, to: i32, value: i32, count: i32, at: u32) {
        let (to, count) = self.range(to, count, at);
        // Safe: the range was checked.
        unsafe { core::ptr::write_bytes(to, value as u8, count) }
    }

    pub fn copy(self, to: i32, from: i32, count: i32, at: u32) {
        let (from, _) = self.range(from, count, at);
        let (to, count) = self.range(to, count, at);
        // Safe: both ranges were checked.
        unsafe { core::ptr::copy(from, to, count) }
    }

    pub(crate) fn init(self, start: *const u8, length: u64, to: i32, from: i32, count: i32, at: u32) {
        let from = from as u32 as u64;
        let (to, count) = self.range(to, count, at);
        if from + count as u64 > length {
            trap(MEMORY_BOUNDS, at)
        }
        // Safe: both ranges were checked; a segment does not lie in a memory.
        unsafe { core::ptr::copy_nonoverlapping(start.add(from as usize), to, count) }
    }
}
