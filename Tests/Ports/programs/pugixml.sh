title="pugixml 1.13"
package=pugixml
file=pugixml_1.13.orig.tar.gz
sha256=5c5ad5d7caeb791420408042a7d88c2c6180781bf218feca259fd9d840a888e1
command="make -f Makefile CXX=dandelion-c++"
build() { with_cmake -DPUGIXML_BUILD_TESTS=ON; }

check() { one tests bash -c '"$RUN" build/pugixml-check | tail -n 1 | grep -q "^Success"'; }
