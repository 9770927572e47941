title="Lua 5.4.4"
package=lua5.4
file=lua5.4_5.4.4.orig.tar.gz
sha256=164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61
command="make CC=dandelion-cc SYSCFLAGS=-DLUA_USE_POSIX lua"
sample=yes

build() { with_make -C src AR='llvm-ar rcu' SYSCFLAGS=-DLUA_USE_POSIX lua luac; }

# Its tests are not in the source package; these are of the language and of its library.
check() {
    cat > t.lua << 'LUA'
local function test(name, f) local ok, why = pcall(f); print((ok and "ok " or "not ok ") .. name .. (ok and "" or " (" .. tostring(why) .. ")")) end
test("arithmetic", function() assert(7 // 2 == 3 and 2^53 == 9007199254740992.0 and 1 << 62 == 4611686018427387904) end)
test("strings", function() assert(("%5.1f|%q"):format(3.14159, "a\n") == '  3.1|"a\\\n"' and ("abc"):rep(3, "-") == "abc-abc-abc") end)
test("patterns", function() assert(("key = value"):match("^(%w+)%s*=%s*(%w+)$") == "key") end)
test("coroutines", function() local c = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) assert(c() + c() + c() == 6) end)
test("closures and collection", function() local t = setmetatable({}, {__mode = "k"}) for i = 1, 1000 do t[{}] = i end collectgarbage() assert(next(t) == nil) end)
test("files", function() local f = assert(io.open("t.txt", "w")) f:write("one\ntwo\n") f:close() local n = 0 for _ in io.lines("t.txt") do n = n + 1 end assert(n == 2 and os.remove("t.txt")) end)
test("temporary files", function() local f = assert(io.tmpfile()) f:write("x") f:seek("set") assert(f:read("a") == "x") end)
test("time", function() assert(os.time() > 1600000000 and os.date("!%Y", 0) == "1970") end)
test("clock", function() local b = os.clock() for i = 1, 3000000 do end assert(os.clock() > b) end)
test("environment", function() assert(os.getenv("HOME")) end)
test("deep recursion", function() local function f(n) return n == 0 and 0 or 1 + f(n - 1) end assert(f(150000) == 150000) end)
test("stack overflow is an error", function() local function f() return 1 + f() end assert(not pcall(f)) end)
test("sort", function() local t = {} for i = 1, 10000 do t[i] = (i * 7919) % 10007 end table.sort(t) for i = 2, #t do assert(t[i - 1] <= t[i]) end end)
test("utf8", function() assert(utf8.len("żółw") == 4) end)
LUA
    "$RUN" src/lua t.lua
    one luac "$RUN" src/luac -o t.out t.lua
}
