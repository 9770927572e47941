//! A module as a function image of the platform: what the plugin does for a module in the host's process, done by the image
//! itself in a sandbox. The sandbox isolates; this only has to be right. Compiled with `--cfg native` only.
//!
//! The image ends where the first linear memory begins, so the inputs that the host places behind the image lie in that
//! memory: an address of the module is a guest address less `origin`. Tables of 64-bit pointers become those of 32 bits in
//! place, and what the module left becomes 64 bits again behind its memory.

mod builtins;
mod instance;
mod tables;
mod wasi;

pub use instance::{ElementPlan, MemoryFill, Plan, Segment as DataPlan, TableFill, TablePlan};
pub use tables::*;
pub use wasi::{Reach, Served};

use crate::*;
use core::arch::{asm, global_asm};
use core::ptr::{addr_of, addr_of_mut};
use instance::{instantiate, Arena, Instance};

/// Everything about one image, written by the plugin.
pub struct Image {
    pub main: &'static Plan,
    /// What serves the module's imports: its memory is the first one then.
    pub served: Option<&'static Served>,
    pub steps: &'static [Step],
    /// Where the front module keeps its system data.
    pub system_data: u32,
}

/// A call that a run makes, one after the other.
pub struct Step {
    pub is_shim: bool,
    pub function: u32,
    pub argument: Argument,
    /// Its result is the exit code.
    pub gives_code: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Argument {
    None,
    EntryBlock,
    ExitCode,
}

/// What a run needs wherever it ends. One thread; it is set once, before the module's code runs.
struct Run {
    exit: u64,
    origin: u64,
    /// The front module's memory and system data.
    memory: *mut MemoryState,
    system: *mut System32,
    /// Free memory behind the linear memories, for the tables of outputs.
    spare: Arena,
}

static mut RUN: Run =
    Run { exit: 0, origin: 0, memory: core::ptr::null_mut(), system: core::ptr::null_mut(), spare: Arena::EMPTY };

extern "C" {
    /// Where the first linear memory begins: the image's end.
    static __rwasm_memory: u8;
}

// The first word is where to return to when the platform gives no address to leave by.
global_asm!(
    ".globl _start",
    "_start:",
    "mov qword ptr [rip + __rwasm_stack], rsp",
    "xor ebp, ebp",
    "and rsp, -16",
    "call __rwasm_image",
    "ud2",
    ".local __rwasm_stack",
    ".comm __rwasm_stack, 8, 8",
);

/// The platform's convention: its system data, to be found by the symbol's name.
#[no_mangle]
pub static mut __dandelion_system_data: System64 = System64::ZERO;

/// Exit code of a function whose memory does not hold it.
const OUT_OF_MEMORY: i32 = 259;
/// Of the memory behind the image: what is kept for tables of outputs, and at least so much.
const SPARE_SHARE: u64 = 64;
const SPARE_LEAST: u64 = 32 << 10;
const PAGE: u64 = 65536;

/// Runs an image from its entry to its end.
///
/// # Safety
/// Called once, by the image's entry, with the platform's entry block.
pub unsafe fn run(image: &'static Image, entry: *mut Entry) -> ! {
    let system64 = addr_of_mut!(__dandelion_system_data);
    let origin = addr_of!(__rwasm_memory) as u64;
    let mut arena = Arena { low: origin, high: (*system64).heap_end };
    (*addr_of_mut!(RUN)).exit = (*entry).exit_address;
    (*addr_of_mut!(RUN)).origin = origin;
    let front = image.served.map_or(image.main, |served| served.shim);
    let room = match image.served {
        Some(served) => served.shim.area() + image.main.area(),
        None => image.main.area(),
    };
    let spare = core::cmp::max(SPARE_LEAST, arena.free() / SPARE_SHARE);
    let mut top = match arena.split(room + spare) {
        Some(top) => top,
        None => leave(OUT_OF_MEMORY),
    };
    let used = (*system64).heap_begin - origin;
    let total = core::cmp::min(arena.free(), 1 << 32) / PAGE * PAGE;
    let (shim, main) = if let Some(served) = image.served {
        let own = image.main.memory_room(total - core::cmp::min(total, used));
        let bytes = front.first_bytes(total - core::cmp::min(total, own));
        if own < image.main.minimum || bytes < used + PAGE {
            leave(OUT_OF_MEMORY)
        }
        let mut shim = instantiate(front, origin, bytes, bytes, &mut top);
        let mut main = instantiate(image.main, origin + total - own, image.main.minimum, own, &mut top);
        served.bind(&mut shim, &mut main);
        (Some(shim), main)
    } else {
        let bytes = front.first_bytes(total);
        if bytes < front.minimum || bytes < used {
            leave(OUT_OF_MEMORY)
        }
        (None, instantiate(front, origin, bytes, bytes, &mut top))
    };
    let first = shim.as_ref().unwrap_or(&main);
    let system = (origin + image.system_data as u64) as *mut System32;
    *system = inputs32(&mut *system64, origin, (*first.memory).bytes);
    (*addr_of_mut!(RUN)).memory = first.memory;
    (*addr_of_mut!(RUN)).system = system;
    (*addr_of_mut!(RUN)).spare = top;
    (*entry).hide(image.system_data, (*first.memory).bytes);
    go(image, (entry as u64 - origin) as u32, shim, main, system)
}

/// Makes the instances, then all steps.
unsafe fn go(
    image: &Image, entry: u32, mut shim: Option<Instance>, mut main: Instance, system: *mut System32,
) -> ! {
    if let Some(shim) = shim.as_mut() {
        shim.make()
    }
    main.make();
    let given = *system;
    let mut code = 0;
    for (index, step) in image.steps.iter().enumerate() {
        // A start function may zero the place of what was there before.
        if index > 0 && shim.is_none() {
            *system = given
        }
        let argument = match step.argument {
            Argument::None => 0,
            Argument::EntryBlock => entry,
            Argument::ExitCode => code,
        };
        let target = if step.is_shim { shim.as_mut().unwrap_or(&mut main) } else { &mut main };
        let result = target.call(step.function, argument);
        if step.gives_code {
            code = result
        }
    }
    finish()
}

macro_rules! traps {
    ($($code:literal)*) => {
        /// Ends the run: `ud1` with the code as its displacement, as compilers write traps, tells the platform.
        #[cold]
        #[inline(always)]
        pub fn trap(code: u32, _: u32) -> ! {
            match code {
                UNREACHABLE => unreachable(),
                // Safe: the platform ends the function. Memory counts as read, so stores before stay.
                $($code => unsafe {
                    asm!(concat!(".byte 0x67, 0x0f, 0xb9, 0x40, ", $code), options(noreturn, nostack))
                },)*
                _ => unsafe { asm!("ud2", options(noreturn, nostack)) },
            }
        }
    };
}
traps! { 2 3 4 5 6 7 8 10 11 12 }

/// A module that has stored its exit code leaves by this trap, from any depth.
#[cold]
#[inline(never)]
fn unreachable() -> ! {
    // Safe: one thread, and `run` has set it before any code of the module.
    unsafe {
        if !RUN.system.is_null() && (*RUN.system).exit_code != -1 {
            finish()
        }
        asm!(".byte 0x67, 0x0f, 0xb9, 0x40, 1", options(noreturn, nostack))
    }
}

/// Tells the platform what the function left.
unsafe fn finish() -> ! {
    let run = &mut *addr_of_mut!(RUN);
    let system64 = &mut *addr_of_mut!(__dandelion_system_data);
    if outputs64(&*run.system, system64, run.origin, (*run.memory).bytes, &mut run.spare) {
        leave((*run.system).exit_code)
    }
    system64.clear_outputs(&mut run.spare);
    leave(OUT_OF_MEMORY)
}

unsafe fn leave(code: i32) -> ! {
    __dandelion_system_data.exit_code = code;
    if RUN.exit == 0 {
        asm!("mov rsp, qword ptr [rip + __rwasm_stack]", "ret", options(noreturn))
    }
    asm!("jmp {}", in(reg) RUN.exit, options(noreturn))
}
