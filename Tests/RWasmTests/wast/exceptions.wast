;; Exceptions as WebAssembly 3.0 has them, and in the form before it. The official tests import tags from module to module,
;; which the platform does not.
(module
 (tag $e (param i32)) (tag $f (param i64 f32)) (tag $g)
 (memory 1)
 (func $thr (param i32) (result i32)
   (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $e (i32.const 41))))
   (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $f (i64.const 7) (f32.const 2.5))))
   (if (i32.eq (local.get 0) (i32.const 3)) (then (throw $g)))
   (local.get 0))
 ;; final form
 (func (export "table") (param i32) (result i32)
   (block $h (result i32)
     (block $hf (result i64 f32)
       (block $all (result exnref)
         (try_table (result i32) (catch $e $h) (catch $f $hf) (catch_all_ref $all)
           (call $thr (local.get 0)))
         (return))
       (drop) (return (i32.const 99)))
     (drop) (i32.wrap_i64) (i32.const 1000) (i32.add) (return))
   (i32.const 1) (i32.add))
 (func (export "ref") (param i32) (result i32)
   (local exnref)
   (block $out (result i32)
     (block $r (result i32 exnref)
       (try_table (result i32) (catch_ref $e $r) (call $thr (local.get 0)))
       (br $out))
     (local.set 1)
     (drop)
     (try_table (result i32) (catch $e $out) (throw_ref (local.get 1)))))
 (func (export "null") (throw_ref (ref.null exn)))
 (func (export "uncaught") (param i32) (result i32) (call $thr (local.get 0)))
 (func (export "isnull") (result i32) (ref.is_null (ref.null exn)))
 (table funcref (elem $thr))
 (type $t (func (param i32) (result i32)))
 (func (export "indirect") (param i32) (result i32)
   (block $h (result i32)
     (try_table (result i32) (catch $e $h) (call_indirect (type $t) (local.get 0) (i32.const 0))))))
(assert_return (invoke "table" (i32.const 0)) (i32.const 0))
(assert_return (invoke "table" (i32.const 1)) (i32.const 42))
(assert_return (invoke "table" (i32.const 2)) (i32.const 1007))
(assert_return (invoke "table" (i32.const 3)) (i32.const 99))
(assert_return (invoke "ref" (i32.const 1)) (i32.const 41))
(assert_return (invoke "ref" (i32.const 5)) (i32.const 5))
(assert_trap (invoke "ref" (i32.const 3)) "uncaught exception")
(assert_trap (invoke "null" ) "null exception reference")
(assert_trap (invoke "uncaught" (i32.const 2)) "uncaught exception")
(assert_return (invoke "uncaught" (i32.const 9)) (i32.const 9))
(assert_return (invoke "isnull" ) (i32.const 1))
(assert_return (invoke "indirect" (i32.const 1)) (i32.const 41))
(assert_return (invoke "indirect" (i32.const 8)) (i32.const 8))
(assert_trap (invoke "indirect" (i32.const 3)) "uncaught exception")
(module
 (tag $e (param i32)) (tag $g)
 (func $thr (param i32) (result i32)
   (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $e (i32.const 41))))
   (if (i32.eq (local.get 0) (i32.const 3)) (then (throw $g)))
   (local.get 0))
 (func (export "try") (param i32) (result i32)
   try (result i32)
     local.get 0
     call $thr
   catch $e
     i32.const 1
     i32.add
   catch_all
     i32.const 99
   end)
 (func (export "rethrow") (param i32) (result i32)
   try (result i32)
     try (result i32)
       local.get 0
       call $thr
     catch_all
       rethrow 0
     end
   catch $e
     i32.const 100
     i32.add
   end)
 (func (export "delegate") (param i32) (result i32)
   try $outer (result i32)
     try (result i32)
       try (result i32)
         local.get 0
         call $thr
       delegate 1
     catch $e
       drop i32.const 5
     end
   catch $e
     i32.const 200
     i32.add
   end)
 (func (export "delegate_out") (param i32) (result i32)
   try (result i32)
     try (result i32)
       local.get 0
       call $thr
     delegate 1
   catch_all
     i32.const 77
   end)
 (func (export "nocatch") (param i32) (result i32)
   try (result i32)
     local.get 0
     call $thr
   end)
 (func (export "loopthrow") (param i32) (result i32) (local i32)
   loop $l
     try
       i32.const 1
       call $thr
       drop
     catch $e
       local.get 1
       i32.add
       local.set 1
     end
     local.get 0
     i32.const 1
     i32.sub
     local.tee 0
     br_if $l
   end
   local.get 1))
(assert_return (invoke "try" (i32.const 0)) (i32.const 0))
(assert_return (invoke "try" (i32.const 1)) (i32.const 42))
(assert_return (invoke "try" (i32.const 3)) (i32.const 99))
(assert_return (invoke "rethrow" (i32.const 1)) (i32.const 141))
(assert_trap (invoke "rethrow" (i32.const 3)) "uncaught exception")
(assert_return (invoke "delegate" (i32.const 1)) (i32.const 241))
(assert_return (invoke "delegate" (i32.const 0)) (i32.const 0))
(assert_trap (invoke "delegate" (i32.const 3)) "uncaught exception")
(assert_return (invoke "nocatch" (i32.const 4)) (i32.const 4))
(assert_trap (invoke "nocatch" (i32.const 1)) "uncaught exception")
(assert_return (invoke "loopthrow" (i32.const 100)) (i32.const 4100))
(assert_invalid (module (func (throw 0))) "unknown tag")
(assert_invalid (module (tag (result i32))) "non-empty tag result type")
(assert_invalid (module (tag (param i32)) (func (throw 0))) "type mismatch")
(assert_invalid (module (tag) (func (block (rethrow 0)))) "rethrow")
(assert_invalid (module (tag (param i32)) (func (try_table (catch 0 0)))) "type mismatch")
(assert_invalid (module (func (throw_ref))) "type mismatch")
(assert_invalid (module (func (result i32) (block (result i32) (try_table (catch_all_ref 0)) (i32.const 1)))) "type mismatch")
