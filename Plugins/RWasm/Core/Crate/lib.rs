//! What generated code may use. This crate is trusted: it is the only one with unsafe code. Generated crates forbid it.
//!
//! A linear memory begins at the base of a reservation of more than 8 GiB, of which all beyond its size is not accessible.
//! An address is 32 bits and so is an offset, so no access can leave the reservation; one beyond the size faults, and the
//! host's signal handler ends the run. Traps are `ud2` with their code in eax and the function's index in edx.
#![no_std]

mod memory;
#[cfg(native)]
pub mod native;
mod number;
mod table;
mod value;
mod vector;
mod vector_memory;

pub use memory::*;
pub use number::*;
pub use table::*;
pub use value::*;
pub use vector::*;

use core::arch::asm;

// Trap codes; the plugin's Trap.swift has the same.
pub const UNREACHABLE: u32 = 1;
pub const MEMORY_BOUNDS: u32 = 2;
pub const TABLE_BOUNDS: u32 = 3;
pub const UNINITIALIZED_ELEMENT: u32 = 4;
pub const INDIRECT_CALL_TYPE: u32 = 5;
pub const DIVIDE_BY_ZERO: u32 = 6;
pub const INTEGER_OVERFLOW: u32 = 7;
pub const INVALID_CONVERSION: u32 = 8;
pub const PANIC: u32 = 10;
pub const UNCAUGHT_EXCEPTION: u32 = 11;
pub const NULL_EXCEPTION: u32 = 12;

/// Ends the run. It does not return and frees nothing: generated code owns nothing but numbers.
#[cfg(not(native))]
#[cold]
#[inline(always)]
pub fn trap(code: u32, function: u32) -> ! {
    // Safe: the host's handler of SIGILL unwinds to the entry of the run. Memory counts as read, so stores before stay.
    unsafe { asm!("ud2", in("eax") code, in("edx") function, options(noreturn, nostack)) }
}

#[cfg(native)]
pub use native::trap;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    trap(PANIC, u32::MAX)
}

/// What the core library's code names for unwinding, and what code that is not optimised keeps of it. Nothing unwinds.
#[cfg(not(native))]
#[no_mangle]
extern "C" fn rust_eh_personality() {}

/// Comes after each call: a call that is not the last act keeps its frame, so that endless recursion meets the end of the
/// stack instead of becoming an endless loop. It is no instruction.
#[inline(always)]
pub fn here() {
    // Safe: nothing.
    unsafe { asm!("", options(nomem, nostack, preserves_flags)) }
}

/// An element of a table. No optimiser sees both the table and what is made of the element: it would compare with each.
#[inline(never)]
pub fn choose(table: &[u32], index: u32, otherwise: u32) -> u32 {
    table.get(index as usize).copied().unwrap_or(otherwise)
}

/// What an instance is made of, as the host lays it out (CRWasm.h). The host keeps all of it alive and in place while the
/// instance lives, and touches it on the thread that runs the instance only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Env {
    memory: *mut MemoryState,
    tables: *const *mut TableState,
    globals: *const *mut Value,
    data: *mut Segment,
    elements: *mut Segment,
    table_count: u32,
    global_count: u32,
    data_count: u32,
    element_count: u32,
    /// Of the instance's own function references.
    tag: u64,
    host: *mut u8,
    /// Calls a function reference, or (with the highest bit) an import by its number; `kind` is the type's index.
    call: Option<extern "C" fn(host: *mut u8, reference: u64, kind: u32, arguments: *mut Value, count: usize) -> u32>,
}

/// Bytes of a data segment, or references of an element segment; `length` becomes 0 when it is dropped.
#[repr(C)]
pub struct Segment {
    start: *const u8,
    length: u64,
}

impl Segment {
    #[cfg(native)]
    fn new(start: *const u8, length: usize) -> Segment {
        Segment { start, length: length as u64 }
    }
}

impl Env {
    pub fn memory(&self) -> Memory {
        Memory::new(self.memory)
    }

    pub fn table(&self, index: u32) -> Table {
        if index >= self.table_count {
            trap(PANIC, u32::MAX)
        }
        // Safe: checked against the host's count.
        Table::new(unsafe { *self.tables.add(index as usize) })
    }

    pub fn global(&self, index: u32) -> Cell {
        if index >= self.global_count {
            trap(PANIC, u32::MAX)
        }
        // Safe: checked against the host's count.
        Cell::new(unsafe { *self.globals.add(index as usize) })
    }

    pub fn tag(&self) -> u64 {
        self.tag
    }

    fn data(&self, index: u32) -> &mut Segment {
        if index >= self.data_count {
            trap(PANIC, u32::MAX)
        }
        // Safe: checked against the host's count; nothing else refers to it during this call.
        unsafe { &mut *self.data.add(index as usize) }
    }

    fn element(&self, index: u32) -> &mut Segment {
        if index >= self.element_count {
            trap(PANIC, u32::MAX)
        }
        // Safe: as in `data`.
        unsafe { &mut *self.elements.add(index as usize) }
    }

    pub fn memory_init(&self, segment: u32, to: i32, from: i32, count: i32, at: u32) {
        let segment = self.data(segment);
        self.memory().init(segment.start, segment.length, to, from, count, at)
    }

    pub fn data_drop(&self, segment: u32) {
        self.data(segment).length = 0
    }

    pub fn table_init(&self, table: Table, segment: u32, to: i32, from: i32, count: i32, at: u32) {
        let segment = self.element(segment);
        table.init(segment.start as *const u64, segment.length, to, from, count, at)
    }

    pub fn element_drop(&self, segment: u32) {
        self.element(segment).length = 0
    }

    /// Calls what the host bound to an import, or a reference of another instance. A null reference traps.
    #[cold]
    #[inline(never)]
    pub fn call(&self, reference: u64, kind: u32, arguments: &mut [Value], at: u32) {
        let code = match self.call {
            Some(call) => call(self.host, reference, kind, arguments.as_mut_ptr(), arguments.len()),
            None => INDIRECT_CALL_TYPE,
        };
        if code != 0 {
            trap(code, at)
        }
    }
}

/// A generated module.
pub trait Module {
    type Instance;
    fn new(env: Env) -> Self::Instance;
    /// Calls a function that may be called from outside; results replace arguments.
    fn call(instance: &mut Self::Instance, function: u32, values: &mut [Value]);
    /// The address of `extern "C" fn(&mut Self::Instance, parameters...) -> results`, null when there is none.
    fn entry(_function: u32) -> *const u8 {
        core::ptr::null()
    }
}

/// How the host makes and calls instances of a module (CRWasm.h).
#[repr(C)]
pub struct Descriptor {
    pub size: usize,
    pub align: usize,
    pub new: unsafe extern "C" fn(place: *mut u8, env: *const Env),
    pub call: unsafe extern "C" fn(instance: *mut u8, function: u32, values: *mut Value, count: usize),
    pub entry: extern "C" fn(function: u32) -> *const u8,
}

unsafe extern "C" fn new<M: Module>(place: *mut u8, env: *const Env) {
    core::ptr::write(place as *mut M::Instance, M::new(*env))
}

unsafe extern "C" fn call<M: Module>(instance: *mut u8, function: u32, values: *mut Value, count: usize) {
    M::call(&mut *(instance as *mut M::Instance), function, core::slice::from_raw_parts_mut(values, count))
}

extern "C" fn entry<M: Module>(function: u32) -> *const u8 {
    M::entry(function)
}

impl Descriptor {
    pub const fn of<M: Module>() -> Descriptor {
        Descriptor {
            size: core::mem::size_of::<M::Instance>(),
            align: core::mem::align_of::<M::Instance>(),
            new: new::<M>,
            call: call::<M>,
            entry: entry::<M>,
        }
    }
}
