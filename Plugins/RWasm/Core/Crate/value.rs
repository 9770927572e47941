//! Values on their way between host and generated code.

use crate::V128;

/// A number, a reference or (two words) a vector; unused bits are 0.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Value {
    low: u64,
    high: u64,
}

macro_rules! conversions {
    ($($to:ident, $from:ident: $type:ty, $value:ident => $into:expr, $out:expr;)*) => {$(
        pub fn $from($value: $type) -> Value {
            Value { low: $into, high: 0 }
        }
        pub fn $to(self) -> $type {
            let $value = self.low;
            $out
        }
    )*};
}

impl Value {
    pub const ZERO: Value = Value { low: 0, high: 0 };

    #[cfg(native)]
    pub(crate) fn from_words(low: u64, high: u64) -> Value {
        Value { low, high }
    }

    conversions! {
        i32, from_i32: i32, v => v as u32 as u64, v as i32;
        i64, from_i64: i64, v => v as u64, v as i64;
        f32, from_f32: f32, v => v.to_bits() as u64, f32::from_bits(v as u32);
        f64, from_f64: f64, v => v.to_bits(), f64::from_bits(v);
        reference, from_reference: u64, v => v, v;
    }

    pub fn from_v128(value: V128) -> Value {
        let [low, high] = value.words();
        Value { low, high }
    }

    pub fn v128(self) -> V128 {
        V128::new(self.low, self.high)
    }
}

/// Value `index` of a call, the default one beyond the end.
pub fn argument(values: &[Value], index: usize) -> Value {
    values.get(index).copied().unwrap_or_default()
}

pub fn set_result(values: &mut [Value], index: usize, value: Value) {
    if let Some(place) = values.get_mut(index) {
        *place = value
    }
}

/// A global that more than one instance can see, or an initial value.
#[derive(Clone, Copy)]
pub struct Cell(*mut Value);

impl Cell {
    pub(crate) fn new(value: *mut Value) -> Cell {
        Cell(value)
    }

    #[inline(always)]
    pub fn get(&self) -> Value {
        // Safe: the host's, alive with the instance.
        unsafe { *self.0 }
    }

    #[inline(always)]
    pub fn set(&self, value: Value) {
        // Safe: as in `get`; only one thread runs the instances that share it.
        unsafe { *self.0 = value }
    }
}
