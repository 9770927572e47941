title="Catch2 2.13.10"
package=catch2
file=catch2_2.13.10.orig.tar.gz
sha256=2f4fe284449cf17394350e027ae21958973a61b9161197d416e2dfca16167686
command="cmake -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake && ctest"
build() { with_cmake -DCATCH_USE_VALGRIND=OFF -DCATCH_BUILD_EXAMPLES=OFF; }

check() { one SelfTest bash -c '"$RUN" build/projects/SelfTest "~[!nonportable]~[!benchmark]~[approvals]" -o catch.log; tail -n 3 catch.log | grep -q "failed as expected\|All tests passed"'; }
