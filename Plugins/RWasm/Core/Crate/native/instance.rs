//! Making an instance: what Instance/*.swift do in the host's process.

use crate::*;
use core::mem::{align_of, size_of};

/// A module, as the plugin writes it down. Element segments hold references, globals the bits of their first values.
pub struct Plan {
    pub code: Descriptor,
    /// Of its own function references.
    pub tag: u64,
    pub has_memory: bool,
    /// Bytes of its memory: at first, and as the module allows.
    pub minimum: u64,
    pub maximum: u64,
    pub globals: &'static [(u64, u64)],
    pub tables: &'static [TablePlan],
    pub elements: &'static [ElementPlan],
    pub table_fills: &'static [TableFill],
    /// Ranges of `bytes`.
    pub data: &'static [Segment],
    pub memory_fills: &'static [MemoryFill],
    pub bytes: &'static [u8],
}

pub struct TablePlan {
    pub size: u32,
    pub capacity: u32,
}

pub struct ElementPlan {
    pub is_passive: bool,
    pub references: &'static [u64],
}

pub struct TableFill {
    pub table: usize,
    pub offset: u64,
    pub references: &'static [u64],
}

/// Of data; only what is passive can be copied later.
pub struct Segment {
    pub begin: usize,
    pub count: usize,
    pub is_passive: bool,
}

pub struct MemoryFill {
    pub offset: u64,
    pub begin: usize,
    pub count: usize,
}

impl Plan {
    /// Bytes that its instance takes, at most.
    pub fn area(&self) -> u64 {
        let tables: u64 = self.tables.iter().map(|table| table.capacity as u64 * 8 + 64).sum();
        let parts = self.globals.len() * 24 + (self.data.len() + self.elements.len()) * 16;
        tables + (parts + self.code.size + self.code.align + 1024) as u64
    }

    /// The accessible bytes of a first memory that may have `room`.
    pub fn first_bytes(&self, room: u64) -> u64 {
        core::cmp::min(room, self.maximum) / 65536 * 65536
    }

    /// What a second memory gets of `free` bytes that it shares with the first one: its minimum, and half of the rest.
    pub fn memory_room(&self, free: u64) -> u64 {
        let more = (free - core::cmp::min(free, self.minimum)) / 2;
        core::cmp::min(self.minimum + more, self.maximum) / 65536 * 65536
    }
}

/// Zeroed memory that is handed out from its end downwards.
pub struct Arena {
    pub low: u64,
    pub high: u64,
}

impl Arena {
    pub const EMPTY: Arena = Arena { low: 0, high: 0 };

    pub fn free(&self) -> u64 {
        self.high - core::cmp::min(self.low, self.high)
    }

    /// Cuts `bytes` off the end.
    pub fn split(&mut self, bytes: u64) -> Option<Arena> {
        if bytes > self.free() {
            return None;
        }
        let high = self.high;
        self.high -= bytes;
        Some(Arena { low: self.high, high })
    }

    pub fn take<T>(&mut self, count: usize) -> Option<*mut T> {
        self.take_aligned(count as u64 * size_of::<T>() as u64, align_of::<T>() as u64).map(|place| place as *mut T)
    }

    pub fn take_aligned(&mut self, bytes: u64, align: u64) -> Option<*mut u8> {
        if bytes > self.free() {
            return None;
        }
        let place = (self.high - bytes) & !(align - 1);
        if place < self.low {
            return None;
        }
        self.high = place;
        Some(place as *mut u8)
    }

    /// Of what `Plan::area` counted.
    fn counted<T>(&mut self, count: usize) -> *mut T {
        match self.take(count) {
            Some(place) => place,
            None => trap(PANIC, u32::MAX),
        }
    }
}

/// A module's instance in the making: its parts are laid out, its start has not run.
pub struct Instance {
    plan: &'static Plan,
    pub memory: *mut MemoryState,
    pub env: Env,
    pub place: *mut u8,
}

impl Instance {
    /// Once everything that `env` names is there.
    pub unsafe fn make(&mut self) {
        (self.plan.code.new)(self.place, &self.env)
    }

    /// Calls a function of at most one argument and one result.
    pub unsafe fn call(&mut self, function: u32, argument: u32) -> u32 {
        let mut values = [Value::from_i32(argument as i32), Value::default()];
        (self.plan.code.call)(self.place, function, values.as_mut_ptr(), values.len());
        values[0].i32() as u32
    }
}

/// Lays an instance out whose memory begins at `base`, accessible for `bytes` and growing up to `room`.
///
/// # Safety
/// The memory and `arena` are zero, apart, and used for nothing else; `arena` has `plan.area()` bytes.
pub unsafe fn instantiate(plan: &'static Plan, base: u64, bytes: u64, room: u64, arena: &mut Arena) -> Instance {
    let memory = arena.counted::<MemoryState>(1);
    *memory = MemoryState::new(base as *mut u8, bytes, room);
    let tables = arena.counted::<*mut TableState>(plan.tables.len());
    for (index, table) in plan.tables.iter().enumerate() {
        let state = arena.counted::<TableState>(1);
        *state = TableState::new(arena.counted::<u64>(table.capacity as usize), table.size, table.capacity);
        *tables.add(index) = state
    }
    let globals = arena.counted::<*mut Value>(plan.globals.len());
    for (index, global) in plan.globals.iter().enumerate() {
        let place = arena.counted::<Value>(1);
        *place = Value::from_words(global.0, global.1);
        *globals.add(index) = place
    }
    let data = arena.counted::<crate::Segment>(plan.data.len());
    for (index, segment) in plan.data.iter().enumerate() {
        let count = if segment.is_passive { segment.count } else { 0 };
        *data.add(index) = crate::Segment::new(plan.bytes.as_ptr().add(segment.begin), count)
    }
    let elements = arena.counted::<crate::Segment>(plan.elements.len());
    for (index, segment) in plan.elements.iter().enumerate() {
        let count = if segment.is_passive { segment.references.len() } else { 0 };
        *elements.add(index) = crate::Segment::new(segment.references.as_ptr() as *const u8, count)
    }
    fill(plan, &*memory, tables);
    let place = arena.take_aligned(plan.code.size as u64, core::cmp::max(16, plan.code.align as u64));
    Instance {
        plan,
        memory,
        env: Env {
            memory: if plan.has_memory { memory } else { core::ptr::null_mut() },
            tables,
            globals,
            data,
            elements,
            table_count: plan.tables.len() as u32,
            global_count: plan.globals.len() as u32,
            data_count: plan.data.len() as u32,
            element_count: plan.elements.len() as u32,
            tag: plan.tag,
            host: core::ptr::null_mut(),
            call: None,
        },
        place: place.unwrap_or_else(|| trap(PANIC, u32::MAX)),
    }
}

/// Copies active segments, tables first; one that does not fit is a trap of the run.
unsafe fn fill(plan: &Plan, memory: &MemoryState, tables: *const *mut TableState) {
    for fill in plan.table_fills {
        let references = fill.references;
        let table = &**tables.add(fill.table);
        if fill.offset + references.len() as u64 > table.size as u64 {
            trap(TABLE_BOUNDS, u32::MAX)
        }
        let place = table.elements.add(fill.offset as usize);
        core::ptr::copy_nonoverlapping(references.as_ptr(), place, references.len())
    }
    for fill in plan.memory_fills {
        // Behind the least size are the inputs.
        if fill.offset + fill.count as u64 > plan.minimum {
            trap(MEMORY_BOUNDS, u32::MAX)
        }
        let bytes = &plan.bytes[fill.begin..fill.begin + fill.count];
        core::ptr::copy_nonoverlapping(bytes.as_ptr(), memory.base.add(fill.offset as usize), fill.count)
    }
}
