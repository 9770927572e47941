title="nlohmann/json 3.11.2"
package=nlohmann-json3
file=nlohmann-json3_3.11.2.orig.tar.gz
sha256=d69f9deb6a75e2580465c6c4c5111b89c4dc2fa94e3a85fcd2ffcd9a143d9273
command="dandelion-c++ -Iinclude t.cpp"

# Its tests need files that are fetched; these are the examples of its documents, each with what it prints.
build() {
    for file in docs/examples/*.cpp; do
        name=${file%.cpp}
        [[ $(basename "$name") == [ab]* && -e $name.output ]] || continue
        compile_cxx -O0 -w -Iinclude "$file" -o "$name.run"
    done
}

check() { for file in docs/examples/*.run; do same "$(basename "$file" .run)" "${file%.run}.output" "$RUN" "$file"; done; }
