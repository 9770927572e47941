//! SIMD 128 by SSE4.2, which the plugin demands of the processor.

use core::arch::asm;
use core::arch::x86_64::*;
use core::mem::transmute;

#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct V128(pub(crate) __m128i);

impl Default for V128 {
    fn default() -> V128 {
        V128::new(0, 0)
    }
}

impl V128 {
    #[inline(always)]
    pub fn new(low: u64, high: u64) -> V128 {
        // Safe: SSE2 is part of x86-64.
        V128(unsafe { _mm_set_epi64x(high as i64, low as i64) })
    }
    #[inline(always)]
    pub fn words(self) -> [u64; 2] {
        // Safe: any 16 bytes are two words. So for the lanes of other types below.
        unsafe { transmute(self) }
    }
}

/// Functions of vectors that are one expression of intrinsics. `a`, `b`, `c` are __m128i where they are vectors.
macro_rules! vectors {
    ($(fn $name:ident($($arg:ident),*) = $body:expr;)*) => {$(
        #[inline(always)]
        pub fn $name($($arg: V128),*) -> V128 {
            $(let $arg = $arg.0;)*
            // Safe: the plugin runs generated code on processors with SSE4.2 only, and no intrinsic here takes a pointer.
            V128(unsafe { $body })
        }
    )*};
}
/// The same for functions with other parameters or results.
macro_rules! scalars {
    ($(fn $name:ident$(<$lane:ident>)?($v:ident $(, $arg:ident: $type:ty)?) -> $result:ty = $body:expr;)*) => {$(
        #[inline(always)]
        pub fn $name$(<const $lane: i32>)?($v: V128 $(, $arg: $type)?) -> $result {
            let $v = $v.0;
            // Safe: as in `vectors`.
            unsafe { $body }
        }
    )*};
}
macro_rules! comparisons {
    ($equal:ident, $greater:ident: $eq:ident, $ne:ident, $lt:ident, $gt:ident, $le:ident, $ge:ident) => {
        vectors! {
            fn $eq(a, b) = $equal(a, b);
            fn $ne(a, b) = not($equal(a, b));
            fn $lt(a, b) = $greater(b, a);
            fn $gt(a, b) = $greater(a, b);
            fn $le(a, b) = not($greater(a, b));
            fn $ge(a, b) = not($greater(b, a));
        }
    };
}
macro_rules! unsigned_comparisons {
    ($equal:ident, $min:ident, $max:ident: $lt:ident, $gt:ident, $le:ident, $ge:ident) => {
        vectors! {
            fn $lt(a, b) = not($equal($max(a, b), a));
            fn $gt(a, b) = not($equal($min(a, b), a));
            fn $le(a, b) = $equal($min(a, b), a);
            fn $ge(a, b) = $equal($max(a, b), a);
        }
    };
}
macro_rules! floats {
    ($set1:ident, $ones:expr, $quiet:expr, $shift:ident, $to:ident, $from:ident, $round:ident:
     $($op:ident $intrinsic:ident,)*; $abs:ident, $neg:ident, $sqrt:ident, $root:ident,
     $min:ident, $max:ident, $least:ident, $most:ident, $pmin:ident, $pmax:ident,
     $or:ident, $xor:ident, $sub:ident, $unordered:ident,
     $ceil:ident, $floor:ident, $trunc:ident, $nearest:ident) => {
        vectors! {
            $(fn $op(a, b) = $from($intrinsic($to(a), $to(b)));)*
            fn $abs(a) = _mm_andnot_si128($set1($ones), a);
            fn $neg(a) = _mm_xor_si128($set1($ones), a);
            fn $sqrt(a) = $from($root($to(a)));
            fn $pmin(a, b) = $from($least($to(b), $to(a)));
            fn $pmax(a, b) = $from($most($to(b), $to(a)));
            // The instruction takes its second operand when one is NaN or both are zeros, so both orders are combined, and
            // a NaN loses its payload.
            fn $min(a, b) = {
                let (one, other) = ($least($to(a), $to(b)), $least($to(b), $to(a)));
                let both = $or(one, other);
                let nan = $unordered(one, both);
                _mm_andnot_si128($shift::<{ $quiet }>($from(nan)), $from($or(both, nan)))
            };
            fn $max(a, b) = {
                let (one, other) = ($most($to(a), $to(b)), $most($to(b), $to(a)));
                let difference = $xor(one, other);
                let both = $sub($or(one, difference), difference);
                let nan = $unordered(difference, both);
                _mm_andnot_si128($shift::<{ $quiet }>($from(nan)), $from(both))
            };
            fn $ceil(a) = $from($round::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>($to(a)));
            fn $floor(a) = $from($round::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>($to(a)));
            fn $trunc(a) = $from($round::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>($to(a)));
            fn $nearest(a) = $from($round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>($to(a)));
        }
    };
}
macro_rules! shifts {
    ($mask:expr; $($name:ident $intrinsic:ident,)*) => {
        scalars! { $(fn $name(a, count: i32) -> V128 = V128($intrinsic(a, _mm_cvtsi32_si128(count & $mask)));)* }
    };
}
macro_rules! extensions {
    ($($low:ident, $high:ident: $intrinsic:ident;)*) => {
        vectors! { $(
            fn $low(a) = $intrinsic(a);
            fn $high(a) = $intrinsic(upper(a));
        )* }
    };
}
macro_rules! products {
    ($($low:ident, $high:ident: $extend:ident, $multiply:ident;)*) => {
        vectors! { $(
            fn $low(a, b) = $multiply($extend(a), $extend(b));
            fn $high(a, b) = $multiply($extend(upper(a)), $extend(upper(b)));
        )* }
    };
}
macro_rules! lanes {
    ($($name:ident: $from:ty => $to:ty, $v:ident => $body:expr;)*) => {$(
        #[inline(always)]
        pub fn $name($v: V128) -> V128 {
            // Safe: as in `words`.
            let $v: $from = unsafe { transmute($v) };
            let result: $to = $body;
            unsafe { transmute(result) }
        }
    )*};
}

#[inline(always)]
unsafe fn not(a: __m128i) -> __m128i {
    _mm_xor_si128(a, _mm_set1_epi8(-1))
}
#[inline(always)]
unsafe fn upper(a: __m128i) -> __m128i {
    _mm_srli_si128::<8>(a)
}
#[inline(always)]
unsafe fn zero() -> __m128i {
    _mm_setzero_si128()
}

/// The value itself, unknown to the optimiser (see opaque_f32).
#[inline(always)]
pub fn opaque_v128(value: V128) -> V128 {
    let mut value = value.0;
    // Safe: no instruction.
    unsafe { asm!("/* {0} */", inout(xmm_reg) value, options(pure, nomem, nostack, preserves_flags)) }
    V128(value)
}

comparisons!(_mm_cmpeq_epi8, _mm_cmpgt_epi8: i8x16_eq, i8x16_ne, i8x16_lt_s, i8x16_gt_s, i8x16_le_s, i8x16_ge_s);
comparisons!(_mm_cmpeq_epi16, _mm_cmpgt_epi16: i16x8_eq, i16x8_ne, i16x8_lt_s, i16x8_gt_s, i16x8_le_s, i16x8_ge_s);
comparisons!(_mm_cmpeq_epi32, _mm_cmpgt_epi32: i32x4_eq, i32x4_ne, i32x4_lt_s, i32x4_gt_s, i32x4_le_s, i32x4_ge_s);
comparisons!(_mm_cmpeq_epi64, _mm_cmpgt_epi64: i64x2_eq, i64x2_ne, i64x2_lt_s, i64x2_gt_s, i64x2_le_s, i64x2_ge_s);
unsigned_comparisons!(_mm_cmpeq_epi8, _mm_min_epu8, _mm_max_epu8: i8x16_lt_u, i8x16_gt_u, i8x16_le_u, i8x16_ge_u);
unsigned_comparisons!(_mm_cmpeq_epi16, _mm_min_epu16, _mm_max_epu16: i16x8_lt_u, i16x8_gt_u, i16x8_le_u, i16x8_ge_u);
unsigned_comparisons!(_mm_cmpeq_epi32, _mm_min_epu32, _mm_max_epu32: i32x4_lt_u, i32x4_gt_u, i32x4_le_u, i32x4_ge_u);

floats!(_mm_set1_epi32, i32::MIN, 10, _mm_srli_epi32, _mm_castsi128_ps, _mm_castps_si128, _mm_round_ps:
    f32x4_add _mm_add_ps, f32x4_sub _mm_sub_ps, f32x4_mul _mm_mul_ps, f32x4_div _mm_div_ps,
    f32x4_eq _mm_cmpeq_ps, f32x4_ne _mm_cmpneq_ps, f32x4_lt _mm_cmplt_ps, f32x4_gt _mm_cmpgt_ps,
    f32x4_le _mm_cmple_ps, f32x4_ge _mm_cmpge_ps,; f32x4_abs, f32x4_neg, f32x4_sqrt, _mm_sqrt_ps,
    f32x4_min, f32x4_max, _mm_min_ps, _mm_max_ps, f32x4_pmin, f32x4_pmax,
    _mm_or_ps, _mm_xor_ps, _mm_sub_ps, _mm_cmpunord_ps,
    f32x4_ceil, f32x4_floor, f32x4_trunc, f32x4_nearest);
floats!(_mm_set1_epi64x, i64::MIN, 13, _mm_srli_epi64, _mm_castsi128_pd, _mm_castpd_si128, _mm_round_pd:
    f64x2_add _mm_add_pd, f64x2_sub _mm_sub_pd, f64x2_mul _mm_mul_pd, f64x2_div _mm_div_pd,
    f64x2_eq _mm_cmpeq_pd, f64x2_ne _mm_cmpneq_pd, f64x2_lt _mm_cmplt_pd, f64x2_gt _mm_cmpgt_pd,
    f64x2_le _mm_cmple_pd, f64x2_ge _mm_cmpge_pd,; f64x2_abs, f64x2_neg, f64x2_sqrt, _mm_sqrt_pd,
    f64x2_min, f64x2_max, _mm_min_pd, _mm_max_pd, f64x2_pmin, f64x2_pmax,
    _mm_or_pd, _mm_xor_pd, _mm_sub_pd, _mm_cmpunord_pd,
    f64x2_ceil, f64x2_floor, f64x2_trunc, f64x2_nearest);

shifts!(15; i16x8_shl _mm_sll_epi16, i16x8_shr_s _mm_sra_epi16, i16x8_shr_u _mm_srl_epi16,);
shifts!(31; i32x4_shl _mm_sll_epi32, i32x4_shr_s _mm_sra_epi32, i32x4_shr_u _mm_srl_epi32,);
shifts!(63; i64x2_shl _mm_sll_epi64, i64x2_shr_u _mm_srl_epi64,);

scalars! {
    fn i64x2_shr_s(a, count: i32) -> V128 = {
        let count = _mm_cvtsi32_si128(count & 63);
        let sign = _mm_srl_epi64(_mm_set1_epi64x(i64::MIN), count);
        V128(_mm_sub_epi64(_mm_xor_si128(_mm_srl_epi64(a, count), sign), sign))
    };
    fn i8x16_shl(a, count: i32) -> V128 = V128(_mm_and_si128(
        _mm_sll_epi16(a, _mm_cvtsi32_si128(count & 7)), _mm_set1_epi8((0xffu8 << (count & 7)) as i8)));
    fn i8x16_shr_u(a, count: i32) -> V128 = V128(_mm_and_si128(
        _mm_srl_epi16(a, _mm_cvtsi32_si128(count & 7)), _mm_set1_epi8((0xffu8 >> (count & 7)) as i8)));
    fn i8x16_shr_s(a, count: i32) -> V128 = {
        let count = _mm_cvtsi32_si128((count & 7) + 8);
        let (low, high) = (_mm_unpacklo_epi8(a, a), _mm_unpackhi_epi8(a, a));
        V128(_mm_packs_epi16(_mm_sra_epi16(low, count), _mm_sra_epi16(high, count)))
    };

    fn v128_any_true(a) -> i32 = (_mm_movemask_epi8(_mm_cmpeq_epi8(a, zero())) != 0xffff) as i32;
    fn i8x16_all_true(a) -> i32 = (_mm_movemask_epi8(_mm_cmpeq_epi8(a, zero())) == 0) as i32;
    fn i16x8_all_true(a) -> i32 = (_mm_movemask_epi8(_mm_cmpeq_epi16(a, zero())) == 0) as i32;
    fn i32x4_all_true(a) -> i32 = (_mm_movemask_epi8(_mm_cmpeq_epi32(a, zero())) == 0) as i32;
    fn i64x2_all_true(a) -> i32 = (_mm_movemask_epi8(_mm_cmpeq_epi64(a, zero())) == 0) as i32;
    fn i8x16_bitmask(a) -> i32 = _mm_movemask_epi8(a);
    fn i16x8_bitmask(a) -> i32 = _mm_movemask_epi8(_mm_packs_epi16(a, zero()));
    fn i32x4_bitmask(a) -> i32 = _mm_movemask_ps(_mm_castsi128_ps(a));
    fn i64x2_bitmask(a) -> i32 = _mm_movemask_pd(_mm_castsi128_pd(a));

    fn i8x16_extract_lane_s<L>(a) -> i32 = _mm_extract_epi8::<L>(a) as i8 as i32;
    fn i8x16_extract_lane_u<L>(a) -> i32 = _mm_extract_epi8::<L>(a) as u8 as i32;
    fn i16x8_extract_lane_s<L>(a) -> i32 = _mm_extract_epi16::<L>(a) as i16 as i32;
    fn i16x8_extract_lane_u<L>(a) -> i32 = _mm_extract_epi16::<L>(a) as u16 as i32;
    fn i32x4_extract_lane<L>(a) -> i32 = _mm_extract_epi32::<L>(a);
    fn i64x2_extract_lane<L>(a) -> i64 = _mm_extract_epi64::<L>(a);
    fn f32x4_extract_lane<L>(a) -> f32 = f32::from_bits(_mm_extract_epi32::<L>(a) as u32);
    fn f64x2_extract_lane<L>(a) -> f64 = f64::from_bits(_mm_extract_epi64::<L>(a) as u64);
    fn i8x16_replace_lane<L>(a, value: i32) -> V128 = V128(_mm_insert_epi8::<L>(a, value));
    fn i16x8_replace_lane<L>(a, value: i32) -> V128 = V128(_mm_insert_epi16::<L>(a, value));
    fn i32x4_replace_lane<L>(a, value: i32) -> V128 = V128(_mm_insert_epi32::<L>(a, value));
    fn i64x2_replace_lane<L>(a, value: i64) -> V128 = V128(_mm_insert_epi64::<L>(a, value));
    fn f32x4_replace_lane<L>(a, value: f32) -> V128 = V128(_mm_insert_epi32::<L>(a, value.to_bits() as i32));
    fn f64x2_replace_lane<L>(a, value: f64) -> V128 = V128(_mm_insert_epi64::<L>(a, value.to_bits() as i64));
}

macro_rules! splats {
    ($($name:ident: $type:ty, $value:ident => $body:expr;)*) => {$(
        #[inline(always)]
        pub fn $name($value: $type) -> V128 {
            // Safe: as in `new`.
            V128(unsafe { $body })
        }
    )*};
}
splats! {
    i8x16_splat: i32, v => _mm_set1_epi8(v as i8);
    i16x8_splat: i32, v => _mm_set1_epi16(v as i16);
    i32x4_splat: i32, v => _mm_set1_epi32(v);
    i64x2_splat: i64, v => _mm_set1_epi64x(v);
    f32x4_splat: f32, v => _mm_castps_si128(_mm_set1_ps(v));
    f64x2_splat: f64, v => _mm_castpd_si128(_mm_set1_pd(v));
}

extensions! {
    i16x8_extend_low_i8x16_s, i16x8_extend_high_i8x16_s: _mm_cvtepi8_epi16;
    i16x8_extend_low_i8x16_u, i16x8_extend_high_i8x16_u: _mm_cvtepu8_epi16;
    i32x4_extend_low_i16x8_s, i32x4_extend_high_i16x8_s: _mm_cvtepi16_epi32;
    i32x4_extend_low_i16x8_u, i32x4_extend_high_i16x8_u: _mm_cvtepu16_epi32;
    i64x2_extend_low_i32x4_s, i64x2_extend_high_i32x4_s: _mm_cvtepi32_epi64;
    i64x2_extend_low_i32x4_u, i64x2_extend_high_i32x4_u: _mm_cvtepu32_epi64;
}
products! {
    i16x8_extmul_low_i8x16_s, i16x8_extmul_high_i8x16_s: _mm_cvtepi8_epi16, _mm_mullo_epi16;
    i16x8_extmul_low_i8x16_u, i16x8_extmul_high_i8x16_u: _mm_cvtepu8_epi16, _mm_mullo_epi16;
    i32x4_extmul_low_i16x8_s, i32x4_extmul_high_i16x8_s: _mm_cvtepi16_epi32, _mm_mullo_epi32;
    i32x4_extmul_low_i16x8_u, i32x4_extmul_high_i16x8_u: _mm_cvtepu16_epi32, _mm_mullo_epi32;
    i64x2_extmul_low_i32x4_s, i64x2_extmul_high_i32x4_s: _mm_cvtepi32_epi64, _mm_mul_epi32;
    i64x2_extmul_low_i32x4_u, i64x2_extmul_high_i32x4_u: _mm_cvtepu32_epi64, _mm_mul_epu32;
}

vectors! {
    fn v128_not(a) = not(a);
    fn v128_and(a, b) = _mm_and_si128(a, b);
    fn v128_andnot(a, b) = _mm_andnot_si128(b, a);
    fn v128_or(a, b) = _mm_or_si128(a, b);
    fn v128_xor(a, b) = _mm_xor_si128(a, b);
    fn v128_bitselect(a, b, c) = _mm_or_si128(_mm_and_si128(a, c), _mm_andnot_si128(c, b));

    // An index of 16 and more gets its highest bit set, for which the instruction gives 0.
    fn i8x16_swizzle(a, b) = _mm_shuffle_epi8(a, _mm_adds_epu8(b, _mm_set1_epi8(0x70)));
    fn i8x16_shuffle(a, b, c) = _mm_or_si128(
        _mm_shuffle_epi8(a, _mm_adds_epu8(c, _mm_set1_epi8(0x70))),
        _mm_shuffle_epi8(b, _mm_sub_epi8(c, _mm_set1_epi8(16))));

    fn i8x16_abs(a) = _mm_abs_epi8(a);
    fn i16x8_abs(a) = _mm_abs_epi16(a);
    fn i32x4_abs(a) = _mm_abs_epi32(a);
    fn i64x2_abs(a) = {
        let sign = _mm_cmpgt_epi64(zero(), a);
        _mm_sub_epi64(_mm_xor_si128(a, sign), sign)
    };
    fn i8x16_neg(a) = _mm_sub_epi8(zero(), a);
    fn i16x8_neg(a) = _mm_sub_epi16(zero(), a);
    fn i32x4_neg(a) = _mm_sub_epi32(zero(), a);
    fn i64x2_neg(a) = _mm_sub_epi64(zero(), a);
    fn i8x16_popcnt(a) = {
        let counts = _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
        let nibble = _mm_set1_epi8(15);
        let high = _mm_and_si128(_mm_srli_epi16::<4>(a), nibble);
        _mm_add_epi8(_mm_shuffle_epi8(counts, _mm_and_si128(a, nibble)), _mm_shuffle_epi8(counts, high))
    };

    fn i8x16_add(a, b) = _mm_add_epi8(a, b);
    fn i8x16_add_sat_s(a, b) = _mm_adds_epi8(a, b);
    fn i8x16_add_sat_u(a, b) = _mm_adds_epu8(a, b);
    fn i8x16_sub(a, b) = _mm_sub_epi8(a, b);
    fn i8x16_sub_sat_s(a, b) = _mm_subs_epi8(a, b);
    fn i8x16_sub_sat_u(a, b) = _mm_subs_epu8(a, b);
    fn i8x16_min_s(a, b) = _mm_min_epi8(a, b);
    fn i8x16_min_u(a, b) = _mm_min_epu8(a, b);
    fn i8x16_max_s(a, b) = _mm_max_epi8(a, b);
    fn i8x16_max_u(a, b) = _mm_max_epu8(a, b);
    fn i8x16_avgr_u(a, b) = _mm_avg_epu8(a, b);
    fn i8x16_narrow_i16x8_s(a, b) = _mm_packs_epi16(a, b);
    fn i8x16_narrow_i16x8_u(a, b) = _mm_packus_epi16(a, b);

    fn i16x8_add(a, b) = _mm_add_epi16(a, b);
    fn i16x8_add_sat_s(a, b) = _mm_adds_epi16(a, b);
    fn i16x8_add_sat_u(a, b) = _mm_adds_epu16(a, b);
    fn i16x8_sub(a, b) = _mm_sub_epi16(a, b);
    fn i16x8_sub_sat_s(a, b) = _mm_subs_epi16(a, b);
    fn i16x8_sub_sat_u(a, b) = _mm_subs_epu16(a, b);
    fn i16x8_mul(a, b) = _mm_mullo_epi16(a, b);
    fn i16x8_min_s(a, b) = _mm_min_epi16(a, b);
    fn i16x8_min_u(a, b) = _mm_min_epu16(a, b);
    fn i16x8_max_s(a, b) = _mm_max_epi16(a, b);
    fn i16x8_max_u(a, b) = _mm_max_epu16(a, b);
    fn i16x8_avgr_u(a, b) = _mm_avg_epu16(a, b);
    fn i16x8_narrow_i32x4_s(a, b) = _mm_packs_epi32(a, b);
    fn i16x8_narrow_i32x4_u(a, b) = _mm_packus_epi32(a, b);
    // The instruction's only overflow is -1 * -1, which gives -1.
    fn i16x8_q15mulr_sat_s(a, b) = {
        let product = _mm_mulhrs_epi16(a, b);
        _mm_xor_si128(product, _mm_cmpeq_epi16(product, _mm_set1_epi16(i16::MIN)))
    };
    fn i16x8_extadd_pairwise_i8x16_s(a) = _mm_maddubs_epi16(_mm_set1_epi8(1), a);
    fn i16x8_extadd_pairwise_i8x16_u(a) = _mm_maddubs_epi16(a, _mm_set1_epi8(1));

    fn i32x4_add(a, b) = _mm_add_epi32(a, b);
    fn i32x4_sub(a, b) = _mm_sub_epi32(a, b);
    fn i32x4_mul(a, b) = _mm_mullo_epi32(a, b);
    fn i32x4_min_s(a, b) = _mm_min_epi32(a, b);
    fn i32x4_min_u(a, b) = _mm_min_epu32(a, b);
    fn i32x4_max_s(a, b) = _mm_max_epi32(a, b);
    fn i32x4_max_u(a, b) = _mm_max_epu32(a, b);
    fn i32x4_dot_i16x8_s(a, b) = _mm_madd_epi16(a, b);
    fn i32x4_extadd_pairwise_i16x8_s(a) = _mm_madd_epi16(a, _mm_set1_epi16(1));
    fn i32x4_extadd_pairwise_i16x8_u(a) = _mm_add_epi32(
        _mm_and_si128(a, _mm_set1_epi32(0xffff)), _mm_srli_epi32::<16>(a));

    fn i64x2_add(a, b) = _mm_add_epi64(a, b);
    fn i64x2_sub(a, b) = _mm_sub_epi64(a, b);
    fn i64x2_mul(a, b) = {
        let crossed = _mm_add_epi64(
            _mm_mul_epu32(_mm_srli_epi64::<32>(a), b), _mm_mul_epu32(a, _mm_srli_epi64::<32>(b)));
        _mm_add_epi64(_mm_mul_epu32(a, b), _mm_slli_epi64::<32>(crossed))
    };

    // A NaN becomes 0 first; too large a number becomes i32::MIN, whose bits are inverted.
    fn i32x4_trunc_sat_f32x4_s(a) = {
        let a = _mm_castsi128_ps(a);
        let a = _mm_and_ps(a, _mm_cmpeq_ps(a, a));
        let large = _mm_cmpge_ps(a, _mm_set1_ps(2147483648.0));
        _mm_xor_si128(_mm_cvttps_epi32(a), _mm_castps_si128(large))
    };
    fn f32x4_convert_i32x4_s(a) = _mm_castps_si128(_mm_cvtepi32_ps(a));
    fn f64x2_convert_low_i32x4_s(a) = _mm_castpd_si128(_mm_cvtepi32_pd(a));
    fn f32x4_demote_f64x2_zero(a) = _mm_castps_si128(_mm_cvtpd_ps(_mm_castsi128_pd(opaque_v128(V128(a)).0)));
    fn f64x2_promote_low_f32x4(a) = _mm_castpd_si128(_mm_cvtps_pd(_mm_castsi128_ps(a)));
}

lanes! {
    i32x4_trunc_sat_f32x4_u: [f32; 4] => [u32; 4], v => [v[0] as u32, v[1] as u32, v[2] as u32, v[3] as u32];
    f32x4_convert_i32x4_u: [u32; 4] => [f32; 4], v => [v[0] as f32, v[1] as f32, v[2] as f32, v[3] as f32];
    i32x4_trunc_sat_f64x2_s_zero: [f64; 2] => [i32; 4], v => [v[0] as i32, v[1] as i32, 0, 0];
    i32x4_trunc_sat_f64x2_u_zero: [f64; 2] => [u32; 4], v => [v[0] as u32, v[1] as u32, 0, 0];
    f64x2_convert_low_i32x4_u: [u32; 4] => [f64; 2], v => [v[0] as f64, v[1] as f64];
}
