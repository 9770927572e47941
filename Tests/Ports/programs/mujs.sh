title="MuJS 1.3.2"
package=mujs
file=mujs_1.3.2.orig.tar.xz
sha256=4886593fc688b0cdccd31e5ecbe5afe7ad1bee23aa69e667b871afd5dfc640c3
command="make CC=dandelion-cc"

build() { compile main.c one.c -lm -o mujs_program; }

check() {
    cat > t.js << 'JS'
function test(name, f) { var ok = false; try { ok = f() } catch (e) { ok = false } print((ok ? "ok " : "not ok ") + name) }
test("arithmetic", function () { return 0.1 + 0.2 != 0.3 && (7 / 2 | 0) === 3 })
test("regular expressions", function () { return "a1b22".replace(/\d+/g, "#") === "a#b#" })
test("JSON", function () { return JSON.stringify(JSON.parse('{"a":[1,{"b":null}]}')) === '{"a":[1,{"b":null}]}' })
test("dates", function () { return new Date(0).toISOString() === "1970-01-01T00:00:00.000Z" && Date.now() > 1e12 })
test("sort", function () { return [3, 1, 2].sort().join() === "1,2,3" })
test("exceptions", function () { try { null.x } catch (e) { return e instanceof TypeError } })
test("deep recursion is an error", function () { function f() { return f() + 1 } try { f() } catch (e) { return true } })
test("closures", function () { var f = []; for (var i = 0; i < 3; i++) (function (i) { f.push(function () { return i }) })(i); return f[1]() === 1 })
JS
    "$RUN" ./mujs_program t.js
}
