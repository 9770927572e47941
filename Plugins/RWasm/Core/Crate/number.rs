//! Numeric instructions that are more than one of Rust's operators.

use crate::{trap, DIVIDE_BY_ZERO, INTEGER_OVERFLOW, INVALID_CONVERSION};
use core::arch::asm;
use core::arch::x86_64::*;

macro_rules! divisions {
    ($type:ident, $unsigned:ident: $div_s:ident, $div_u:ident, $rem_s:ident, $rem_u:ident) => {
        #[inline(always)]
        pub fn $div_s(a: $type, b: $type, at: u32) -> $type {
            if b == 0 {
                trap(DIVIDE_BY_ZERO, at)
            }
            if a == $type::MIN && b == -1 {
                trap(INTEGER_OVERFLOW, at)
            }
            a.wrapping_div(b)
        }
        #[inline(always)]
        pub fn $div_u(a: $type, b: $type, at: u32) -> $type {
            if b == 0 {
                trap(DIVIDE_BY_ZERO, at)
            }
            (a as $unsigned / b as $unsigned) as $type
        }
        #[inline(always)]
        pub fn $rem_s(a: $type, b: $type, at: u32) -> $type {
            if b == 0 {
                trap(DIVIDE_BY_ZERO, at)
            }
            a.wrapping_rem(b)
        }
        #[inline(always)]
        pub fn $rem_u(a: $type, b: $type, at: u32) -> $type {
            if b == 0 {
                trap(DIVIDE_BY_ZERO, at)
            }
            (a as $unsigned % b as $unsigned) as $type
        }
    };
}
divisions!(i32, u32: i32_div_s, i32_div_u, i32_rem_s, i32_rem_u);
divisions!(i64, u64: i64_div_s, i64_div_u, i64_rem_s, i64_rem_u);

macro_rules! truncation {
    ($name:ident: $from:ident as $to:ident as $type:ty, $above:tt $low:expr, $high:expr) => {
        #[inline(always)]
        pub fn $name(value: $from, at: u32) -> $type {
            if value != value {
                trap(INVALID_CONVERSION, at)
            }
            if !(value $above $low && value < $high) {
                trap(INTEGER_OVERFLOW, at)
            }
            value as $to as $type
        }
    };
}
truncation!(i32_trunc_f32_s: f32 as i32 as i32, >= -2147483648.0, 2147483648.0);
truncation!(i32_trunc_f32_u: f32 as u32 as i32, > -1.0, 4294967296.0);
truncation!(i32_trunc_f64_s: f64 as i32 as i32, > -2147483649.0, 2147483648.0);
truncation!(i32_trunc_f64_u: f64 as u32 as i32, > -1.0, 4294967296.0);
truncation!(i64_trunc_f32_s: f32 as i64 as i64, >= -9223372036854775808.0, 9223372036854775808.0);
truncation!(i64_trunc_f32_u: f32 as u64 as i64, > -1.0, 18446744073709551616.0);
truncation!(i64_trunc_f64_s: f64 as i64 as i64, >= -9223372036854775808.0, 9223372036854775808.0);
truncation!(i64_trunc_f64_u: f64 as u64 as i64, > -1.0, 18446744073709551616.0);

// Rounding by SSE4.1, which the plugin demands of the CPU: the function is called, not inlined, where the compiler was not
// told so, which gives the same result.
const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
const DOWN: i32 = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
const UP: i32 = _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC;
const ZERO: i32 = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;

macro_rules! floats {
    ($type:ident, $bits:ident, $sign:expr, $set:ident, $get:ident, $round:ident, $root:ident:
     $abs:ident, $neg:ident, $copysign:ident, $sqrt:ident, $min:ident, $max:ident,
     $ceil:ident, $floor:ident, $trunc:ident, $nearest:ident, $opaque:ident) => {
        #[inline(always)]
        pub fn $abs(value: $type) -> $type {
            $type::from_bits(value.to_bits() & !$sign)
        }
        #[inline(always)]
        pub fn $neg(value: $type) -> $type {
            $type::from_bits(value.to_bits() ^ $sign)
        }
        #[inline(always)]
        pub fn $copysign(value: $type, sign: $type) -> $type {
            $type::from_bits(value.to_bits() & !$sign | sign.to_bits() & $sign)
        }
        #[inline(always)]
        pub fn $sqrt(value: $type) -> $type {
            // Safe: SSE2 is part of x86-64.
            unsafe { $get($root($set(value), $set(value))) }
        }
        #[inline(always)]
        pub fn $min(a: $type, b: $type) -> $type {
            if a < b {
                a
            } else if b < a {
                b
            } else if a == b {
                $type::from_bits(a.to_bits() | b.to_bits())
            } else {
                a + b
            }
        }
        #[inline(always)]
        pub fn $max(a: $type, b: $type) -> $type {
            if a > b {
                a
            } else if b > a {
                b
            } else if a == b {
                $type::from_bits(a.to_bits() & b.to_bits())
            } else {
                a + b
            }
        }
        #[inline(always)]
        pub fn $ceil(value: $type) -> $type {
            // Safe: the plugin runs generated code on CPUs with SSE4.1 only. So for the next three.
            unsafe { $get($round::<UP>($set(value), $set(value))) }
        }
        #[inline(always)]
        pub fn $floor(value: $type) -> $type {
            unsafe { $get($round::<DOWN>($set(value), $set(value))) }
        }
        #[inline(always)]
        pub fn $trunc(value: $type) -> $type {
            unsafe { $get($round::<ZERO>($set(value), $set(value))) }
        }
        #[inline(always)]
        pub fn $nearest(value: $type) -> $type {
            unsafe { $get($round::<NEAREST>($set(value), $set(value))) }
        }
        /// The value itself, unknown to the optimiser, which would let a signalling NaN pass through `x * 1.0`, or through
        /// a promotion and a demotion.
        #[inline(always)]
        pub fn $opaque(mut value: $type) -> $type {
            // Safe: no instruction.
            unsafe { asm!("/* {0} */", inout(xmm_reg) value, options(pure, nomem, nostack, preserves_flags)) }
            value
        }
    };
}
floats!(f32, u32, 1u32 << 31, _mm_set_ss, _mm_cvtss_f32, _mm_round_ss, sqrt_ss:
    f32_abs, f32_neg, f32_copysign, f32_sqrt, f32_min, f32_max, f32_ceil, f32_floor, f32_trunc, f32_nearest, opaque_f32);
floats!(f64, u64, 1u64 << 63, _mm_set_sd, _mm_cvtsd_f64, _mm_round_sd, _mm_sqrt_sd:
    f64_abs, f64_neg, f64_copysign, f64_sqrt, f64_min, f64_max, f64_ceil, f64_floor, f64_trunc, f64_nearest, opaque_f64);

#[inline(always)]
unsafe fn sqrt_ss(_: __m128, value: __m128) -> __m128 {
    _mm_sqrt_ss(value)
}
