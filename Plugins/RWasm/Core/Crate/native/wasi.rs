//! Calls between a module and the one that serves its imports: what Shim/serve.c does in the host's process. Each has a
//! memory of its own; the server's is the first one, where inputs and outputs lie.

use super::instance::{Instance, Plan};
use crate::*;

/// The server, as the plugin writes it down.
pub struct Served {
    pub shim: &'static Plan,
    /// The shim's functions, by the module's imports.
    pub functions: &'static [u32],
    /// What the shim's own imports are.
    pub reach: &'static [Reach],
}

/// What a server asks of its surroundings.
#[derive(Clone, Copy)]
pub enum Reach {
    /// (to: server's address, from: guest's, count)
    Load,
    /// (to: guest's address, from: server's, count)
    Store,
    /// (count): each memory has bytes of its own here, so they are granted.
    Claim,
}

/// Error number of WASI preview 1.
const FAULT: i32 = 21;

struct Pair {
    plan: *const Served,
    shim: *mut u8,
    server: *mut MemoryState,
    guest: *mut MemoryState,
}

static mut PAIR: Pair = Pair {
    plan: core::ptr::null(),
    shim: core::ptr::null_mut(),
    server: core::ptr::null_mut(),
    guest: core::ptr::null_mut(),
};

impl Served {
    /// Has two instances that are not made yet call each other.
    pub unsafe fn bind(&'static self, shim: &mut Instance, main: &mut Instance) {
        PAIR = Pair { plan: self, shim: shim.place, server: shim.memory, guest: main.memory };
        shim.env.call = Some(reach);
        main.env.call = Some(serve)
    }
}

/// The slot `call` of the guest.
extern "C" fn serve(_: *mut u8, reference: u64, _: u32, arguments: *mut Value, count: usize) -> u32 {
    // Safe: bound before any code of the modules runs, on the only thread; imports are numbered by the generated code.
    unsafe {
        let plan = &*PAIR.plan;
        match plan.functions.get(reference as u32 as usize) {
            Some(function) if reference >> 63 == 1 => {
                (plan.shim.code.call)(PAIR.shim, *function, arguments, count);
                0
            }
            _ => INDIRECT_CALL_TYPE,
        }
    }
}

/// The slot `call` of the server.
extern "C" fn reach(_: *mut u8, reference: u64, _: u32, arguments: *mut Value, count: usize) -> u32 {
    // Safe: as in `serve`; `arguments` has `count` values, and both ranges of a copy are checked.
    unsafe {
        let values = core::slice::from_raw_parts_mut(arguments, count);
        let kind = match (*PAIR.plan).reach.get(reference as u32 as usize) {
            Some(kind) if reference >> 63 == 1 => *kind,
            _ => return INDIRECT_CALL_TYPE,
        };
        let (first, second) = (argument(values, 0).i32() as u32, argument(values, 1).i32() as u32);
        let bytes = argument(values, 2).i32() as u32;
        let error = match kind {
            Reach::Claim => 0,
            Reach::Load => match (range(PAIR.server, first, bytes), range(PAIR.guest, second, bytes)) {
                (None, _) => return MEMORY_BOUNDS,
                (_, None) => FAULT,
                (Some(to), Some(from)) => copy(from, to, bytes),
            },
            Reach::Store => match (range(PAIR.guest, first, bytes), range(PAIR.server, second, bytes)) {
                (_, None) => return MEMORY_BOUNDS,
                (None, _) => FAULT,
                (Some(to), Some(from)) => copy(from, to, bytes),
            },
        };
        set_result(values, 0, Value::from_i32(error));
        0
    }
}

unsafe fn range(memory: *const MemoryState, address: u32, count: u32) -> Option<*mut u8> {
    if address as u64 + count as u64 > (*memory).bytes {
        return None;
    }
    Some((*memory).base.add(address as usize))
}

unsafe fn copy(from: *const u8, to: *mut u8, count: u32) -> i32 {
    core::ptr::copy_nonoverlapping(from, to, count as usize);
    0
}
