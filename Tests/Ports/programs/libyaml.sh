title="libyaml 0.2.5"
package=libyaml
file=libyaml_0.2.5.orig.tar.gz
sha256=fa240dbf262be053f3898006d502d514936c818e422afdcf33921c63bed9bf2e
command="./configure --host=x86_64-linux-musl && make check"

build() { autoreconf -fi && autotools && make -C tests check TESTS=; }

check() {
    one test-version "$RUN" tests/test-version
    one test-reader "$RUN" tests/test-reader
    for file in examples/*.yaml; do one "scan $(basename "$file")" "$RUN" tests/run-scanner "$file"; done
}
