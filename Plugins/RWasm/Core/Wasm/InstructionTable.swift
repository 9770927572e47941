/// The plain instructions, one a line, so that decoder, validator and transpiler share one source of truth.
enum InstructionTable {
    /// Opcode (with its prefix), mnemonic, types of operands and result, and the Rust expression that it becomes.
    ///
    /// $0 and $1 are the operands, $F is the index of the function. An expression that starts with "?" is a truth value;
    /// one that starts with "!" may trap, so it is evaluated in its place and not moved.
    static let numeric = """
        45 i32.eqz i:i ?$0 == 0
        46 i32.eq ii:i ?$0 == $1
        47 i32.ne ii:i ?$0 != $1
        48 i32.lt_s ii:i ?$0 < $1
        49 i32.lt_u ii:i ?($0 as u32) < ($1 as u32)
        4a i32.gt_s ii:i ?$0 > $1
        4b i32.gt_u ii:i ?($0 as u32) > ($1 as u32)
        4c i32.le_s ii:i ?$0 <= $1
        4d i32.le_u ii:i ?($0 as u32) <= ($1 as u32)
        4e i32.ge_s ii:i ?$0 >= $1
        4f i32.ge_u ii:i ?($0 as u32) >= ($1 as u32)
        50 i64.eqz I:i ?$0 == 0
        51 i64.eq II:i ?$0 == $1
        52 i64.ne II:i ?$0 != $1
        53 i64.lt_s II:i ?$0 < $1
        54 i64.lt_u II:i ?($0 as u64) < ($1 as u64)
        55 i64.gt_s II:i ?$0 > $1
        56 i64.gt_u II:i ?($0 as u64) > ($1 as u64)
        57 i64.le_s II:i ?$0 <= $1
        58 i64.le_u II:i ?($0 as u64) <= ($1 as u64)
        59 i64.ge_s II:i ?$0 >= $1
        5a i64.ge_u II:i ?($0 as u64) >= ($1 as u64)
        5b f32.eq ff:i ?$0 == $1
        5c f32.ne ff:i ?$0 != $1
        5d f32.lt ff:i ?$0 < $1
        5e f32.gt ff:i ?$0 > $1
        5f f32.le ff:i ?$0 <= $1
        60 f32.ge ff:i ?$0 >= $1
        61 f64.eq FF:i ?$0 == $1
        62 f64.ne FF:i ?$0 != $1
        63 f64.lt FF:i ?$0 < $1
        64 f64.gt FF:i ?$0 > $1
        65 f64.le FF:i ?$0 <= $1
        66 f64.ge FF:i ?$0 >= $1
        67 i32.clz i:i $0.leading_zeros() as i32
        68 i32.ctz i:i $0.trailing_zeros() as i32
        69 i32.popcnt i:i $0.count_ones() as i32
        6a i32.add ii:i $0.wrapping_add($1)
        6b i32.sub ii:i $0.wrapping_sub($1)
        6c i32.mul ii:i $0.wrapping_mul($1)
        6d i32.div_s ii:i !i32_div_s($0, $1, $F)
        6e i32.div_u ii:i !i32_div_u($0, $1, $F)
        6f i32.rem_s ii:i !i32_rem_s($0, $1, $F)
        70 i32.rem_u ii:i !i32_rem_u($0, $1, $F)
        71 i32.and ii:i $0 & $1
        72 i32.or ii:i $0 | $1
        73 i32.xor ii:i $0 ^ $1
        74 i32.shl ii:i $0.wrapping_shl($1 as u32)
        75 i32.shr_s ii:i $0.wrapping_shr($1 as u32)
        76 i32.shr_u ii:i ($0 as u32).wrapping_shr($1 as u32) as i32
        77 i32.rotl ii:i $0.rotate_left($1 as u32 & 31)
        78 i32.rotr ii:i $0.rotate_right($1 as u32 & 31)
        79 i64.clz I:I $0.leading_zeros() as i64
        7a i64.ctz I:I $0.trailing_zeros() as i64
        7b i64.popcnt I:I $0.count_ones() as i64
        7c i64.add II:I $0.wrapping_add($1)
        7d i64.sub II:I $0.wrapping_sub($1)
        7e i64.mul II:I $0.wrapping_mul($1)
        7f i64.div_s II:I !i64_div_s($0, $1, $F)
        80 i64.div_u II:I !i64_div_u($0, $1, $F)
        81 i64.rem_s II:I !i64_rem_s($0, $1, $F)
        82 i64.rem_u II:I !i64_rem_u($0, $1, $F)
        83 i64.and II:I $0 & $1
        84 i64.or II:I $0 | $1
        85 i64.xor II:I $0 ^ $1
        86 i64.shl II:I $0.wrapping_shl($1 as u32)
        87 i64.shr_s II:I $0.wrapping_shr($1 as u32)
        88 i64.shr_u II:I ($0 as u64).wrapping_shr($1 as u32) as i64
        89 i64.rotl II:I $0.rotate_left($1 as u32 & 63)
        8a i64.rotr II:I $0.rotate_right($1 as u32 & 63)
        8b f32.abs f:f f32_abs($0)
        8c f32.neg f:f f32_neg($0)
        8d f32.ceil f:f f32_ceil($0)
        8e f32.floor f:f f32_floor($0)
        8f f32.trunc f:f f32_trunc($0)
        90 f32.nearest f:f f32_nearest($0)
        91 f32.sqrt f:f f32_sqrt($0)
        92 f32.add ff:f $0 + $1
        93 f32.sub ff:f $0 - $1
        94 f32.mul ff:f $0 * $1
        95 f32.div ff:f $0 / $1
        96 f32.min ff:f f32_min($0, $1)
        97 f32.max ff:f f32_max($0, $1)
        98 f32.copysign ff:f f32_copysign($0, $1)
        99 f64.abs F:F f64_abs($0)
        9a f64.neg F:F f64_neg($0)
        9b f64.ceil F:F f64_ceil($0)
        9c f64.floor F:F f64_floor($0)
        9d f64.trunc F:F f64_trunc($0)
        9e f64.nearest F:F f64_nearest($0)
        9f f64.sqrt F:F f64_sqrt($0)
        a0 f64.add FF:F $0 + $1
        a1 f64.sub FF:F $0 - $1
        a2 f64.mul FF:F $0 * $1
        a3 f64.div FF:F $0 / $1
        a4 f64.min FF:F f64_min($0, $1)
        a5 f64.max FF:F f64_max($0, $1)
        a6 f64.copysign FF:F f64_copysign($0, $1)
        a7 i32.wrap_i64 I:i $0 as i32
        a8 i32.trunc_f32_s f:i !i32_trunc_f32_s($0, $F)
        a9 i32.trunc_f32_u f:i !i32_trunc_f32_u($0, $F)
        aa i32.trunc_f64_s F:i !i32_trunc_f64_s($0, $F)
        ab i32.trunc_f64_u F:i !i32_trunc_f64_u($0, $F)
        ac i64.extend_i32_s i:I $0 as i64
        ad i64.extend_i32_u i:I $0 as u32 as i64
        ae i64.trunc_f32_s f:I !i64_trunc_f32_s($0, $F)
        af i64.trunc_f32_u f:I !i64_trunc_f32_u($0, $F)
        b0 i64.trunc_f64_s F:I !i64_trunc_f64_s($0, $F)
        b1 i64.trunc_f64_u F:I !i64_trunc_f64_u($0, $F)
        b2 f32.convert_i32_s i:f $0 as f32
        b3 f32.convert_i32_u i:f $0 as u32 as f32
        b4 f32.convert_i64_s I:f $0 as f32
        b5 f32.convert_i64_u I:f $0 as u64 as f32
        b6 f32.demote_f64 F:f opaque_f64($0) as f32
        b7 f64.convert_i32_s i:F $0 as f64
        b8 f64.convert_i32_u i:F $0 as u32 as f64
        b9 f64.convert_i64_s I:F $0 as f64
        ba f64.convert_i64_u I:F $0 as u64 as f64
        bb f64.promote_f32 f:F $0 as f64
        bc i32.reinterpret_f32 f:i $0.to_bits() as i32
        bd i64.reinterpret_f64 F:I $0.to_bits() as i64
        be f32.reinterpret_i32 i:f f32::from_bits($0 as u32)
        bf f64.reinterpret_i64 I:F f64::from_bits($0 as u64)
        c0 i32.extend8_s i:i $0 as i8 as i32
        c1 i32.extend16_s i:i $0 as i16 as i32
        c2 i64.extend8_s I:I $0 as i8 as i64
        c3 i64.extend16_s I:I $0 as i16 as i64
        c4 i64.extend32_s I:I $0 as i32 as i64
        fc00 i32.trunc_sat_f32_s f:i $0 as i32
        fc01 i32.trunc_sat_f32_u f:i $0 as u32 as i32
        fc02 i32.trunc_sat_f64_s F:i $0 as i32
        fc03 i32.trunc_sat_f64_u F:i $0 as u32 as i32
        fc04 i64.trunc_sat_f32_s f:I $0 as i64
        fc05 i64.trunc_sat_f32_u f:I $0 as u64 as i64
        fc06 i64.trunc_sat_f64_s F:I $0 as i64
        fc07 i64.trunc_sat_f64_u F:I $0 as u64 as i64
        """

    /// Loads and stores: opcode, mnemonic, type of the value, log2 of the natural alignment. The runtime crate has a method
    /// of the same name, with "_" for ".".
    static let memory = """
        28 i32.load i 2
        29 i64.load I 3
        2a f32.load f 2
        2b f64.load F 3
        2c i32.load8_s i 0
        2d i32.load8_u i 0
        2e i32.load16_s i 1
        2f i32.load16_u i 1
        30 i64.load8_s I 0
        31 i64.load8_u I 0
        32 i64.load16_s I 1
        33 i64.load16_u I 1
        34 i64.load32_s I 2
        35 i64.load32_u I 2
        36 i32.store i 2
        37 i64.store I 3
        38 f32.store f 2
        39 f64.store F 3
        3a i32.store8 i 0
        3b i32.store16 i 1
        3c i64.store8 I 0
        3d i64.store16 I 1
        3e i64.store32 I 2
        """
}
