// The library's code is in the shared object, not in its headers.
#define TOML_HEADER_ONLY 0
#define TOML_SHARED_LIB 1
#include "CToml.h"

#include <new>
#include <string>
#include <toml++/toml.h>
#include <vector>

struct ct_tree {
    toml::table root;
    std::vector<ct_value> values;
    std::string error;
    uint32_t error_line = 0;
    uint32_t error_column = 0;
};

namespace {

void place_key(ct_value &value, const toml::key &key) {
    value.key = key.data();
    value.key_length = key.length();
    value.key_line = static_cast<uint32_t>(key.source().begin.line);
    value.key_column = static_cast<uint32_t>(key.source().begin.column);
}

/* Fills everything but the key and the children. */
ct_value describe(const toml::node &node) {
    ct_value value{};
    value.line = static_cast<uint32_t>(node.source().begin.line);
    value.column = static_cast<uint32_t>(node.source().begin.column);
    if (node.is_table()) {
        value.kind = CT_TABLE;
    } else if (node.is_array()) {
        value.kind = CT_ARRAY;
    } else if (const auto *text = node.as_string()) {
        value.kind = CT_STRING;
        value.text = text->get().data();
        value.text_length = text->get().size();
    } else if (const auto *integer = node.as_integer()) {
        value.kind = CT_INTEGER;
        value.integer = integer->get();
    } else if (const auto *number = node.as_floating_point()) {
        value.kind = CT_FLOAT;
        value.number = number->get();
    } else if (const auto *boolean = node.as_boolean()) {
        value.kind = CT_BOOLEAN;
        value.boolean = boolean->get() ? 1 : 0;
    } else {
        value.kind = CT_DATE;
    }
    return value;
}

/* Breadth first, so that the children of each value lie side by side. */
void flatten(ct_tree &tree) {
    std::vector<const toml::node *> nodes{&tree.root};
    tree.values.push_back(describe(tree.root));
    for (size_t index = 0; index < nodes.size(); index++) {
        const toml::node *node = nodes[index];
        tree.values[index].first_child = nodes.size();
        if (const auto *table = node->as_table()) {
            tree.values[index].child_count = table->size();
            for (auto &&[key, child] : *table) {
                nodes.push_back(&child);
                tree.values.push_back(describe(child));
                place_key(tree.values.back(), key);
            }
        } else if (const auto *array = node->as_array()) {
            tree.values[index].child_count = array->size();
            for (auto &&child : *array) {
                nodes.push_back(&child);
                tree.values.push_back(describe(child));
            }
        }
    }
}

} // namespace

// No exception leaves these functions: their callers are not C++.

ct_tree *ct_parse(const char *text, size_t length) {
    ct_tree *tree = new (std::nothrow) ct_tree();
    if (tree == nullptr) return nullptr;
    try {
        try {
            tree->root = toml::parse(std::string_view(text, length));
            flatten(*tree);
        } catch (const toml::parse_error &error) {
            tree->error = std::string(error.description());
            if (tree->error.empty()) tree->error = "malformed TOML";
            tree->error_line = static_cast<uint32_t>(error.source().begin.line);
            tree->error_column = static_cast<uint32_t>(error.source().begin.column);
            tree->values.clear();
        }
    } catch (...) {
        delete tree;
        return nullptr;
    }
    return tree;
}

const char *ct_error(const ct_tree *tree, uint32_t *line, uint32_t *column) {
    *line = tree->error_line;
    *column = tree->error_column;
    return tree->error.empty() ? nullptr : tree->error.c_str();
}

const ct_value *ct_values(const ct_tree *tree, size_t *count) {
    *count = tree->values.size();
    return tree->values.data();
}

void ct_free(ct_tree *tree) { delete tree; }
