//! The tables through which the platform and a function see sets and items (guest.h), in both widths.

use super::instance::Arena;
use crate::{trap, MEMORY_BOUNDS};

#[repr(C)]
pub struct Entry {
    magic: u32,
    struct_size: u32,
    pub exit_address: u64,
    system_data: u64,
    stack_low: u64,
    stack_high: u64,
}

impl Entry {
    /// As a module sees it: it returns, and all addresses are its own.
    pub fn hide(&mut self, system_data: u32, bytes: u64) {
        self.exit_address = 0;
        self.system_data = system_data as u64;
        self.stack_low = bytes;
        self.stack_high = bytes;
    }
}

#[repr(C)]
pub struct System64 {
    pub exit_code: i32,
    padding: u32,
    pub heap_begin: u64,
    pub heap_end: u64,
    input_sets_len: u64,
    input_sets: u64,
    output_sets_len: u64,
    output_sets: u64,
    input_items: u64,
    output_items: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct System32 {
    pub exit_code: i32,
    heap_begin: u32,
    heap_end: u32,
    input_sets_len: u32,
    input_sets: u32,
    output_sets_len: u32,
    output_sets: u32,
    input_items: u32,
    output_items: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Set<P> {
    ident: P,
    ident_len: P,
    offset: P,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Item<P> {
    ident: P,
    ident_len: P,
    data: P,
    data_len: P,
    key: P,
}

impl System64 {
    pub const ZERO: System64 = System64 {
        exit_code: 0,
        padding: 0,
        heap_begin: 0,
        heap_end: 0,
        input_sets_len: 0,
        input_sets: 0,
        output_sets_len: 0,
        output_sets: 0,
        input_items: 0,
        output_items: 0,
    };

    /// Sets without items; `spare` has room for them, since nothing else was made there.
    pub unsafe fn clear_outputs(&mut self, spare: &mut Arena) {
        let count = self.output_sets_len as usize;
        self.output_sets = spare.take::<Set<u64>>(count + 1).map_or(0, |sets| sets as u64);
    }
}

/// An address of the module; 0 stays what it is.
fn near(address: u64, origin: u64) -> u32 {
    if address == 0 {
        0
    } else {
        (address - origin) as u32
    }
}

/// Rewrites the host's tables in place, where each of their entries is smaller afterwards.
///
/// # Safety
/// `system` is the platform's, and all it names lies at or above `origin`, less than 4 GiB from it.
pub unsafe fn inputs32(system: &mut System64, origin: u64, bytes: u64) -> System32 {
    narrow_sets(system.input_sets, system.input_sets_len + 1, origin);
    let last = (system.input_sets as *const Set<u32>).add(system.input_sets_len as usize);
    narrow_items(system.input_items, (*last).offset as u64, origin);
    narrow_sets(system.output_sets, system.output_sets_len + 1, origin);
    System32 {
        exit_code: -1,
        heap_begin: near(system.heap_begin, origin),
        // As everywhere on the platform, 128 bytes below the end.
        heap_end: ((bytes - 128) & !15) as u32,
        input_sets_len: system.input_sets_len as u32,
        input_sets: near(system.input_sets, origin),
        output_sets_len: system.output_sets_len as u32,
        output_sets: near(system.output_sets, origin),
        input_items: near(system.input_items, origin),
        output_items: 0,
    }
}

unsafe fn narrow_sets(table: u64, count: u64, origin: u64) {
    for index in 0..count as usize {
        let set = (table as *const Set<u64>).add(index).read();
        (table as *mut Set<u32>).add(index).write(Set {
            ident: near(set.ident, origin),
            ident_len: set.ident_len as u32,
            offset: set.offset as u32,
        })
    }
}

unsafe fn narrow_items(table: u64, count: u64, origin: u64) {
    for index in 0..count as usize {
        let item = (table as *const Item<u64>).add(index).read();
        (table as *mut Item<u32>).add(index).write(Item {
            ident: near(item.ident, origin),
            ident_len: item.ident_len as u32,
            data: near(item.data, origin),
            data_len: item.data_len as u32,
            key: item.key as u32,
        })
    }
}

/// Makes the host's tables of what the module left, in `spare` or in memory that its outputs do not take; false when there
/// is no room for them. The host checks what they name.
pub unsafe fn outputs64(
    left: &System32, system: &mut System64, origin: u64, bytes: u64, spare: &mut Arena,
) -> bool {
    let count = left.output_sets_len as usize;
    let sets = table::<Set<u32>>(left.output_sets, count as u64 + 1, origin, bytes);
    let items = sets.add(count).read_unaligned().offset as u64;
    let source = table::<Item<u32>>(left.output_items, items, origin, bytes);
    let mut unused = Arena { low: origin + used(left, sets, source, items), high: origin + bytes };
    let wide_sets = match spare.take::<Set<u64>>(count + 1) {
        Some(sets) => sets,
        None => return false,
    };
    let wide_items = match spare.take::<Item<u64>>(items as usize).or_else(|| unused.take(items as usize)) {
        Some(items) => items,
        None => return false,
    };
    for index in 0..=count {
        let set = sets.add(index).read_unaligned();
        wide_sets.add(index).write(Set {
            ident: origin + set.ident as u64,
            ident_len: set.ident_len as u64,
            offset: set.offset as u64,
        })
    }
    for index in 0..items as usize {
        let item = source.add(index).read_unaligned();
        wide_items.add(index).write(Item {
            ident: origin + item.ident as u64,
            ident_len: item.ident_len as u64,
            data: origin + item.data as u64,
            data_len: item.data_len as u64,
            key: item.key as u64,
        })
    }
    system.output_sets_len = count as u64;
    system.output_sets = wide_sets as u64;
    system.output_items = wide_items as u64;
    true
}

/// Where the memory ends that the module's outputs take: it has stopped, so what lies behind is free.
unsafe fn used(left: &System32, sets: *const Set<u32>, items: *const Item<u32>, count: u64) -> u64 {
    let mut end = left.output_items as u64 + count * core::mem::size_of::<Item<u32>>() as u64;
    let mut hold = |address: u32, length: u32| end = core::cmp::max(end, address as u64 + length as u64);
    hold(left.output_sets, (left.output_sets_len + 1) * core::mem::size_of::<Set<u32>>() as u32);
    for index in 0..left.output_sets_len as usize {
        let set = sets.add(index).read_unaligned();
        hold(set.ident, set.ident_len)
    }
    for index in 0..count as usize {
        let item = items.add(index).read_unaligned();
        hold(item.ident, item.ident_len);
        hold(item.data, item.data_len)
    }
    end
}

/// A table of the module, at any address of its memory.
unsafe fn table<T>(address: u32, count: u64, origin: u64, bytes: u64) -> *const T {
    if count > 0 && address as u64 + count * core::mem::size_of::<T>() as u64 > bytes {
        trap(MEMORY_BOUNDS, u32::MAX)
    }
    (origin + address as u64) as *const T
}
