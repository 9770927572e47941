#include "parquet.h"
#include <map>

namespace sql {

Type parse_type(const Node &node) {
    static const std::map<std::string, Kind, std::less<>> kinds = {
        {"boolean", Kind::boolean}, {"integer", Kind::integer}, {"decimal", Kind::decimal},
        {"date", Kind::date}, {"double", Kind::real}, {"text", Kind::text},
    };
    const auto kind = kinds.find(node.head());
    if (kind == kinds.end()) node.fail("no type is called '" + node.head() + "'");
    Type type{kind->second, 19, 0};
    if (type.is_number() && node.items.size() > 1) type.digits = uint8_t(node.number_at(1));
    if (type.kind == Kind::decimal) type.scale = uint8_t(node.number_at(2));
    if (type.digits < 1 || type.digits > 39 || type.scale > type.digits) node.fail("a decimal has 1 to 38 digits");
    return type;
}

ColumnSpec::ColumnSpec(const Node &node) : name(node.at(1).word_or_text), type(parse_type(node.at(3))) {
    static const std::map<std::string, Physical, std::less<>> names = {
        {"boolean", Physical::boolean}, {"int32", Physical::int32}, {"int64", Physical::int64}, {"float", Physical::real32},
        {"double", Physical::real64}, {"bytes", Physical::bytes}, {"fixed", Physical::fixed},
    };
    const auto found = names.find(node.at(2).head());
    if (found == names.end()) node.fail("no physical type is called '" + node.at(2).head() + "'");
    physical = found->second;
    if (physical == Physical::fixed) length = size_t(node.at(2).number_at(1));
    const std::string &codec = node.word_at(4);
    if (codec != "none" && codec != "snappy") node.fail("compression '" + codec + "' is not read; write the file with snappy or none");
    is_snappy = codec == "snappy";
    is_nullable = node.number_at(5) != 0;
    const bool is_binary = physical == Physical::bytes || physical == Physical::fixed;
    bool fits = false;
    switch (type.kind) {
    case Kind::boolean: fits = physical == Physical::boolean; break;
    case Kind::integer: fits = physical == Physical::int32 || physical == Physical::int64; break;
    case Kind::decimal: fits = physical == Physical::int32 || physical == Physical::int64 || is_binary; break;
    case Kind::date: fits = physical == Physical::int32; break;
    case Kind::real: fits = physical == Physical::real32 || physical == Physical::real64; break;
    case Kind::text: fits = is_binary; break;
    }
    if (!fits || (type.is_wide() && !is_binary) || length > 4096) node.fail("column " + name + " of this type cannot be stored so");
}

} // namespace sql
