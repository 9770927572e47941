#include "keys.h"

namespace sql {

PairMap::Slot &PairMap::slot(uint32_t first, int64_t second) {
    const size_t mask = slots.size() - 1;
    uint64_t hash = (uint64_t(second) ^ uint64_t(first) << 32 ^ first) * 0x9e3779b97f4a7c15;
    size_t at = (hash ^ hash >> 32) & mask;
    while (slots[at].number != unknown && (slots[at].first != first || slots[at].second != second)) at = (at + 1) & mask;
    return slots[at];
}

uint32_t PairMap::find(uint32_t first, int64_t second) const {
    if (is_small(first, second)) return small.size() > first * 256 ? small[first * 256 + size_t(second)] : unknown;
    return const_cast<PairMap *>(this)->slot(first, second).number;
}

void PairMap::grow() {
    std::vector<Slot> old(slots.size() * 2);
    old.swap(slots);
    for (const Slot &one : old)
        if (one.number != unknown) slot(one.first, one.second) = one;
}

uint32_t PairMap::insert(uint32_t first, int64_t second) {
    if (count >= unknown - 1) throw Failure("there are too many groups");
    if (is_small(first, second)) {
        if (small.size() <= first * 256) small.resize((first + 1) * 256, unknown);
        uint32_t &number = small[first * 256 + size_t(second)];
        if (number == unknown) number = uint32_t(count++);
        return number;
    }
    if (filled * 2 >= slots.size()) grow();
    Slot &found = slot(first, second);
    if (found.number == unknown) {
        found = {second, first, uint32_t(count++)};
        filled++;
    }
    return found.number;
}

uint32_t ValueMap::number(const Vector &values, size_t place, bool may_add) {
    if (type.kind == Kind::text || type.is_wide()) {
        const bool is_text = type.kind == Kind::text;
        const Text key = is_text ? values.as<Text>()[place] : Text(reinterpret_cast<const char *>(values.as<wide>() + place), sizeof(wide));
        const auto found = texts.find(key);
        if (found != texts.end()) return found->second;
        if (!may_add) return unknown;
        const Text kept = owned.emplace_back(key);
        texts.emplace(kept, uint32_t(count));
        if (is_text) text_values.push_back(kept);
        else wide_values.push_back(values.as<wide>()[place]);
        return uint32_t(count++);
    }
    int64_t whole = type.kind == Kind::boolean ? values.as<uint8_t>()[place] : values.as<int64_t>()[place];
    if (type.kind == Kind::real && values.as<double>()[place] == 0) whole = 0; /* the one zero */
    if (!may_add) {
        const uint32_t found = wholes.find(0, whole);
        return found == unknown ? unknown : found + 1;
    }
    const uint32_t number = wholes.insert(0, whole) + 1;
    if (number == count) {
        whole_values.push_back(whole);
        count++;
    }
    return number;
}

void ValueMap::numbers(const Vector &values, uint32_t *to, bool may_add) {
    if (values.codes && (last != values.dictionary || translated.size() < values.entries)) {
        last = values.dictionary;
        translated.assign(values.entries, unknown);
    }
    for (size_t i = 0; i < values.count; i++) {
        if (!values.is_valid(i)) {
            to[i] = 0;
        } else if (values.codes) {
            uint32_t &known = translated[values.codes[i]];
            if (known == unknown) known = number(values, values.codes[i], may_add);
            to[i] = known;
        } else {
            to[i] = number(values, i, may_add);
        }
    }
}

const void *ValueMap::value(uint32_t number) const {
    if (type.kind == Kind::text) return &text_values[number];
    if (type.is_wide()) return &wide_values[number];
    return &whole_values[number];
}

} // namespace sql
