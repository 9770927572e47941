title="simdjson 3.0.1"
package=simdjson
file=simdjson_3.0.1.orig.tar.gz
sha256=156b1bc5eb0561b2bd166b46d191fd3d95a3e709cc63761477d3b7aec2b6e9ed
command="dandelion-c++ -Isingleheader t.cpp singleheader/simdjson.cpp"
build() {
    cat > t.cpp << 'C'
#include <iostream>
#include "simdjson.h"
using namespace simdjson;
static size_t values(dom::element element) {
    size_t count = 1;
    if (element.is_array()) for (auto child : element.get_array()) count += values(child);
    if (element.is_object()) for (auto field : element.get_object()) count += values(field.value);
    return count;
}
// Each file is read, written out and read again; one in which a brace is missing is refused.
int main(int count, char **arguments) {
    for (int i = 1; i < count; i++) {
        dom::parser first, second;
        padded_string text = padded_string::load(arguments[i]);
        auto element = first.parse(text);
        bool ok = !element.error();
        if (ok) ok = values(element.value()) == values(second.parse(simdjson::to_string(element.value())));
        dom::parser third;
        if (ok) ok = third.parse(std::string(std::string_view(text)) + "}").error();
        std::cout << (ok ? "ok " : "not ok ") << arguments[i] << "\n";
    }
    std::cout << (get_active_implementation()->supported_by_runtime_system() ? "ok " : "not ok ") << "implementation\n";
}
C
    compile_cxx -Isingleheader t.cpp singleheader/simdjson.cpp -o t
}

check() { "$RUN" ./t jsonexamples/*.json; }
