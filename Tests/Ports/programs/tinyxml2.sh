title="TinyXML-2 9.0.0"
package=tinyxml2
file=tinyxml2_9.0.0+dfsg.orig.tar.xz
sha256=96510f47a5db537f70dff3e83dd71fd2180cbba4aa76c589a549467e7f34bc9b
command="cmake -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake && ctest"
build() { with_cmake -DBUILD_SHARED_LIBS=OFF; }

check() { one xmltest bash -c '"$RUN" build/xmltest | tee all.log | grep -q "Fail 0"'; }
