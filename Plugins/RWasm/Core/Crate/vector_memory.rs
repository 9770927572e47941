//! Loads and stores of vectors that are less than 16 bytes.

use crate::*;

macro_rules! loads {
    ($($name:ident: $load:ident, $v:ident => $body:expr;)*) => {$(
        #[inline(always)]
        pub fn $name(&self, address: i32, offset: u32) -> V128 {
            let $v = self.$load(address, offset);
            $body
        }
    )*};
}

macro_rules! lanes {
    ($($load:ident: $from:ident, $replace:ident; $store:ident: $to:ident, $extract:ident;)*) => {$(
        #[inline(always)]
        pub fn $load<const L: i32>(&self, address: i32, offset: u32, value: V128) -> V128 {
            $replace::<L>(value, self.$from(address, offset))
        }
        #[inline(always)]
        pub fn $store<const L: i32>(&self, address: i32, offset: u32, value: V128) {
            self.$to(address, offset, $extract::<L>(value))
        }
    )*};
}

impl Memory {
    loads! {
        v128_load8x8_s: v128_load64_zero, v => i16x8_extend_low_i8x16_s(v);
        v128_load8x8_u: v128_load64_zero, v => i16x8_extend_low_i8x16_u(v);
        v128_load16x4_s: v128_load64_zero, v => i32x4_extend_low_i16x8_s(v);
        v128_load16x4_u: v128_load64_zero, v => i32x4_extend_low_i16x8_u(v);
        v128_load32x2_s: v128_load64_zero, v => i64x2_extend_low_i32x4_s(v);
        v128_load32x2_u: v128_load64_zero, v => i64x2_extend_low_i32x4_u(v);
        v128_load8_splat: i32_load8_u, v => i8x16_splat(v);
        v128_load16_splat: i32_load16_u, v => i16x8_splat(v);
        v128_load32_splat: f32_load, v => f32x4_splat(v);
        v128_load64_splat: f64_load, v => f64x2_splat(v);
        v128_load32_zero: f32_load, v => V128::new(v.to_bits() as u64, 0);
        v128_load64_zero: f64_load, v => V128::new(v.to_bits(), 0);
    }
    lanes! {
        v128_load8_lane: i32_load8_u, i8x16_replace_lane; v128_store8_lane: i32_store8, i8x16_extract_lane_u;
        v128_load16_lane: i32_load16_u, i16x8_replace_lane; v128_store16_lane: i32_store16, i16x8_extract_lane_u;
        v128_load32_lane: i32_load, i32x4_replace_lane; v128_store32_lane: i32_store, i32x4_extract_lane;
        v128_load64_lane: i64_load, i64x2_replace_lane; v128_store64_lane: i64_store, i64x2_extract_lane;
    }
}
