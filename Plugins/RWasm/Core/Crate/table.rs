//! Tables of references.

use crate::{trap, INDIRECT_CALL_TYPE, TABLE_BOUNDS, UNINITIALIZED_ELEMENT};

/// What the host keeps of a table (CRWasm.h).
#[repr(C)]
pub struct TableState {
    pub(crate) elements: *mut u64,
    pub(crate) size: u32,
    /// Room at `elements`: growing stops here.
    capacity: u32,
    /// Makes it `count` elements larger; the old size, or -1.
    grow: extern "C" fn(table: *mut TableState, count: u32) -> i32,
    /// The host's own: where it counts what is taken.
    room: *mut u64,
}

impl TableState {
    #[cfg(native)]
    pub(crate) fn new(elements: *mut u64, size: u32, capacity: u32) -> TableState {
        extern "C" fn grow(table: *mut TableState, count: u32) -> i32 {
            // Safe: only a table calls it, with its own state.
            let table = unsafe { &mut *table };
            let old = table.size;
            if count > table.capacity - old {
                return -1;
            }
            table.size = old + count;
            old as i32
        }
        TableState { elements, size, capacity, grow, room: core::ptr::null_mut() }
    }
}

/// An indirect call found a reference to no function of its type.
#[cold]
#[inline(never)]
pub fn refuse(reference: u64, at: u32) -> ! {
    trap(if reference == 0 { UNINITIALIZED_ELEMENT } else { INDIRECT_CALL_TYPE }, at)
}

/// A table of a living instance. References are numbers; 0 is null.
#[derive(Clone, Copy)]
pub struct Table(*mut TableState);

impl Table {
    pub(crate) fn new(state: *mut TableState) -> Table {
        Table(state)
    }

    #[inline(always)]
    fn element(&self, index: i32, at: u32) -> *mut u64 {
        // Safe: the host's state, alive with the instance; the index is checked.
        unsafe {
            if index as u32 >= (*self.0).size {
                trap(TABLE_BOUNDS, at)
            }
            (*self.0).elements.add(index as u32 as usize)
        }
    }

    #[inline(always)]
    pub fn get(&self, index: i32, at: u32) -> u64 {
        // Safe: `element` checked.
        unsafe { *self.element(index, at) }
    }

    #[inline(always)]
    pub fn set(&self, index: i32, value: u64, at: u32) {
        // Safe: `element` checked.
        unsafe { *self.element(index, at) = value }
    }

    pub fn size(&self) -> i32 {
        // Safe: as in `element`.
        unsafe { (*self.0).size as i32 }
    }

    pub fn grow(&self, value: u64, count: i32) -> i32 {
        // Safe: as in `element`; what is filled lies below the new size.
        unsafe {
            let old = ((*self.0).grow)(self.0, count as u32);
            if old < 0 {
                return -1;
            }
            for index in old as u32..old as u32 + count as u32 {
                *(*self.0).elements.add(index as usize) = value
            }
            old
        }
    }

    #[inline]
    fn range(&self, index: i32, count: i32, at: u32) -> (*mut u64, usize) {
        let (index, count) = (index as u32 as u64, count as u32 as u64);
        // Safe: as in `element`; the range is checked.
        unsafe {
            if index + count > (*self.0).size as u64 {
                trap(TABLE_BOUNDS, at)
            }
            ((*self.0).elements.add(index as usize), count as usize)
        }
    }

    pub fn fill(&self, to: i32, value: u64, count: i32, at: u32) {
        let (to, count) = self.range(to, count, at);
        for index in 0..count {
            // Safe: the range was checked.
            unsafe { *to.add(index) = value }
        }
    }

    pub fn copy(&self, to: i32, source: Table, from: i32, count: i32, at: u32) {
        let (from, _) = source.range(from, count, at);
        let (to, count) = self.range(to, count, at);
        // Safe: both ranges were checked.
        unsafe { core::ptr::copy(from, to, count) }
    }

    pub(crate) fn init(&self, start: *const u64, length: u64, to: i32, from: i32, count: i32, at: u32) {
        let from = from as u32 as u64;
        let (to, count) = self.range(to, count, at);
        if from + count as u64 > length {
            trap(TABLE_BOUNDS, at)
        }
        // Safe: both ranges were checked; a segment does not lie in a table.
        unsafe { core::ptr::copy_nonoverlapping(start.add(from as usize), to, count) }
    }
}
