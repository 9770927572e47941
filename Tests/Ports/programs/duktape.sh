title="Duktape 2.7.0"
package=duktape
file=duktape_2.7.0.orig.tar.xz
sha256=90f8d2fa8b5567c6899830ddef2c03f3c27960b11aca222fa17aa7ac613c2890
command="make -f Makefile.cmdline CC=dandelion-cc"
build() { compile -Isrc -Iexamples/cmdline -Iextras/print-alert -Iextras/console -Iextras/logging -Iextras/module-duktape -DDUK_CMDLINE_PRINTALERT_SUPPORT src/duktape.c examples/cmdline/duk_cmdline.c extras/print-alert/duk_print_alert.c -lm -o duk; }

check() {
    cat > t.js << 'JS'
function test(name, f) { var ok = false; try { ok = f() } catch (e) { ok = false } print((ok ? "ok " : "not ok ") + name) }
test("arithmetic", function () { return 0.1 + 0.2 != 0.3 && (7 / 2 | 0) === 3 })
test("typed arrays", function () { var a = new Uint8Array([255, 256]); return a[0] === 255 && a[1] === 0 })
test("regular expressions", function () { return "a1b22".replace(/\d+/g, "#") === "a#b#" })
test("proxies", function () { return new Proxy({}, { get: function () { return 5 } }).x === 5 })
test("JSON", function () { return JSON.stringify({ a: [1, { b: null }] }) === '{"a":[1,{"b":null}]}' })
test("dates", function () { return new Date(0).toISOString() === "1970-01-01T00:00:00.000Z" && Date.now() > 1e12 })
test("coroutines", function () { var t = new Duktape.Thread(function () { Duktape.Thread.yield(5) }); return Duktape.Thread.resume(t) === 5 })
test("deep recursion is an error", function () { function f() { return f() + 1 } try { f() } catch (e) { return e instanceof RangeError } })
JS
    "$RUN" ./duk t.js
}
