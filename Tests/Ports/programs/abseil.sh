title="Abseil 20220623, strings"
package=abseil
file=abseil_20220623.1.orig.tar.gz
sha256=abfe2897f3a30edaa74bc34365afe3c2a3cd012091a97dc7e008f7016adcd5fe
also="googletest googletest_1.12.1.orig.tar.gz 81964fe578e9bd7c94dfdb09c8e4d6e6759e19967e397dbea48d1c10e45d0df2"
command="cmake -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake && ninja"
tests=(ascii char_map charconv escaping match numbers str_cat str_join str_replace str_split string_view strip substitute)

build() {
    cmake -G Ninja -B build -DCMAKE_TOOLCHAIN_FILE="$SDK/toolchain.cmake" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_STANDARD=17 \
        -DBUILD_TESTING=ON -DABSL_BUILD_TESTING=ON -DABSL_LOCAL_GOOGLETEST_DIR="$PWD/also"
    ninja -C build -j "$jobs" "${tests[@]/#/absl_}" 2> /dev/null || ninja -C build -j "$jobs" $(printf 'bin/absl_%s_test ' "${tests[@]}")
}

# Death tests need processes.
check() {
    for name in "${tests[@]}"; do
        "$RUN" "build/bin/absl_${name}_test" --gtest_filter=-*Death* 2>&1 | gtest_results | sed "s/^\(ok\|not ok\|skip\) /&$name: /"
    done
}
