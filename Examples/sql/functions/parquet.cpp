#include "parquet.h"

namespace sql {

namespace {

/* Thrift's compact protocol, as far as page headers have it. */
struct Thrift {
    const uint8_t *&at, *end;

    int64_t number() {
        const uint64_t value = read_varint(at, end);
        return int64_t(value >> 1) ^ -int64_t(value & 1);
    }
    uint8_t byte() {
        if (at == end) throw Failure("a column chunk ends within a page's header");
        return *at++;
    }
    void pass(size_t count) {
        if (count > size_t(end - at)) throw Failure("a column chunk ends within a page's header");
        at += count;
    }
    void skip(uint8_t type, int depth = 0) {
        if (depth > 16) throw Failure("a page's header is nested too deeply");
        switch (type) {
        case 1: case 2: break;
        case 3: pass(1); break;
        case 4: case 5: case 6: number(); break;
        case 7: pass(8); break;
        case 8: pass(read_varint(at, end)); break;
        case 9: case 10: {
            const uint8_t head = byte();
            const uint64_t count = head >> 4 == 15 ? read_varint(at, end) : head >> 4;
            for (uint64_t i = 0; i < count; i++) {
                if ((head & 15) <= 2) pass(1);
                else skip(head & 15, depth + 1);
            }
            break;
        }
        case 12: fields([&](int, uint8_t inner) { skip(inner, depth + 1); }); break;
        default: throw Failure("a page's header is broken");
        }
    }
    /* Calls take(field, type) for each field; it must read or skip the field's value. */
    template <class Take> void fields(Take take) {
        int field = 0;
        while (const uint8_t head = byte()) {
            field = head >> 4 ? field + (head >> 4) : int(number());
            take(field, head & 15);
        }
    }
};

} // namespace

ChunkReader::Page ChunkReader::parse_header(const uint8_t *&at, const uint8_t *end) const {
    Thrift thrift{at, end};
    Page page;
    int64_t type = -1, length = -1, compressed = -1, rows = -1, encoding = -1, levels = 0;
    bool is_compressed = true;
    auto part = [&](bool second) {
        thrift.fields([&](int field, uint8_t kind) {
            if (field == 1) rows = thrift.number();
            else if (field == (second ? 4 : 2)) encoding = thrift.number();
            else if (second && (field == 5 || field == 6)) levels += thrift.number();
            else if (second && field == 7) is_compressed = kind == 1;
            else thrift.skip(kind);
        });
    };
    thrift.fields([&](int field, uint8_t kind) {
        if (field == 1) type = thrift.number();
        else if (field == 2) length = thrift.number();
        else if (field == 3) compressed = thrift.number();
        else if (field == 5 || field == 7) part(false);
        else if (field == 8) part(true);
        else thrift.skip(kind);
    });
    if (length < 0 || length > INT32_MAX || compressed < 0 || compressed > end - at || rows < 0 || levels < 0 || levels > compressed || levels > length)
        fail("a page's header is broken");
    page = {size_t(rows), size_t(length), size_t(levels), int(encoding), type == 2, type == 3, spec.is_snappy && is_compressed,
            Text(reinterpret_cast<const char *>(at), size_t(compressed))};
    if (type != 0 && type != 2 && type != 3) page.rows = 0; /* an index page */
    at += compressed;
    return page;
}

ChunkReader::ChunkReader(const ColumnSpec &spec, Text bytes) : spec(spec) {
    const uint8_t *at = reinterpret_cast<const uint8_t *>(bytes.data()), *end = at + bytes.size();
    while (at < end) {
        const Page next = parse_header(at, end);
        if (next.is_dictionary) {
            if (dictionary) fail("there are two dictionaries");
            load_dictionary(next);
        } else if (next.rows) {
            pages.push_back(next);
            row_count += next.rows;
        }
    }
}

Text ChunkReader::decompress(const Page &page, std::vector<char> &to) const {
    if (!page.is_compressed) {
        if (page.bytes.size() != page.length) fail("a page has another length than its header says");
        return page.bytes;
    }
    to.resize(page.length);
    std::memcpy(to.data(), page.bytes.data(), page.level_bytes);
    snappy_decompress(page.bytes.substr(page.level_bytes), to.data() + page.level_bytes, page.length - page.level_bytes);
    return Text(to.data(), to.size());
}

void ChunkReader::load_dictionary(const Page &page) {
    if (page.encoding != 0 && page.encoding != 2) fail("the dictionary has an unknown encoding");
    values = decompress(page, entries_page);
    if (page.rows > page.length * 8 + 1) fail("the dictionary is shorter than its header says");
    entries = page.rows;
    entries_buffer.resize(entries * spec.type.width());
    plain(entries_buffer.data(), entries);
    dictionary = new_dictionary();
}

/* Reads the definition levels; what follows them. */
Text ChunkReader::load_levels(const Page &page, Text bytes) {
    levels.clear();
    if (!spec.is_nullable) return bytes.substr(page.level_bytes);
    size_t length = page.level_bytes, start = 0;
    if (!page.is_second_version) {
        uint32_t told = 0;
        if (bytes.size() < 4) fail("a page ends within its levels");
        std::memcpy(&told, bytes.data(), 4);
        start = 4;
        length = told;
    }
    if (length > bytes.size() - start) fail("a page ends within its levels");
    std::vector<uint32_t> numbers(page.rows);
    PackedNumbers(bytes.substr(start, length), 1).read(numbers.data(), page.rows);
    bool all = true;
    levels.resize(page.rows);
    for (size_t i = 0; i < page.rows; i++) all &= (levels[i] = uint8_t(numbers[i])) != 0;
    if (all) levels.clear();
    return bytes.substr(start + length);
}

void ChunkReader::load_page() {
    const Page &now = pages[page];
    if (now.rows > INT32_MAX) fail("a page has too many rows");
    values = load_levels(now, decompress(now, buffer));
    is_coded = now.encoding == 2 || now.encoding == 8;
    bit = 0;
    if (is_coded) {
        if (!dictionary) fail("the dictionary is missing");
        if (values.empty()) fail("a page is empty");
        codes = PackedNumbers(values.substr(1), uint8_t(values[0]));
    } else if (now.encoding == 3 && spec.type.kind == Kind::boolean) {
        if (values.size() < 4) fail("a page is empty");
        codes = PackedNumbers(values.substr(4), 1);
    } else if (now.encoding != 0) {
        fail("encoding " + std::to_string(now.encoding) + " is not read; write the file with plain or dictionary encoding");
    }
    loaded = true;
}

size_t ChunkReader::present(size_t from, size_t count) const {
    if (levels.empty()) return count;
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += levels[from + i];
    return sum;
}

void ChunkReader::pass(size_t count) {
    if (is_coded || pages[page].encoding == 3) {
        codes.skip(count);
    } else if (spec.physical == Physical::boolean) {
        bit += count;
    } else if (spec.physical == Physical::bytes) {
        for (size_t i = 0; i < count; i++) {
            uint32_t length = 0;
            if (values.size() < 4) fail("a page ends within its values");
            std::memcpy(&length, values.data(), 4);
            if (length > values.size() - 4) fail("a page ends within its values");
            values.remove_prefix(4 + length);
        }
    } else {
        const size_t width = spec.physical == Physical::fixed ? spec.length
            : spec.physical == Physical::int32 || spec.physical == Physical::real32 ? 4 : 8;
        if (count * width > values.size()) fail("a page ends within its values");
        values.remove_prefix(count * width);
    }
}

template <class From, class To> static bool widen(Text &values, void *to, size_t count) {
    if (values.size() / sizeof(From) < count) return false;
    To *out = static_cast<To *>(to);
    for (size_t i = 0; i < count; i++) {
        From value;
        std::memcpy(&value, values.data() + i * sizeof(From), sizeof(From));
        out[i] = To(value);
    }
    values.remove_prefix(count * sizeof(From));
    return true;
}

/* A number of up to 16 bytes, the highest first; false when it has more. */
static bool big_endian(Text bytes, wide &value) {
    unsigned __int128 bits = !bytes.empty() && bytes[0] < 0 ? ~(unsigned __int128)0 : 0;
    for (const char byte : bytes) bits = bits << 8 | uint8_t(byte);
    value = wide(bits);
    return bytes.size() <= 16;
}

void ChunkReader::plain(void *to, size_t count) {
    bool good = true;
    switch (spec.physical) {
    case Physical::boolean: {
        good = (bit + count + 7) / 8 <= values.size();
        for (size_t i = 0; good && i < count; i++, bit++) static_cast<uint8_t *>(to)[i] = uint8_t(values[bit / 8]) >> (bit % 8) & 1;
        break;
    }
    case Physical::int32: good = widen<int32_t, int64_t>(values, to, count); break;
    case Physical::int64: good = widen<int64_t, int64_t>(values, to, count); break;
    case Physical::real32: good = widen<float, double>(values, to, count); break;
    case Physical::real64: good = widen<double, double>(values, to, count); break;
    case Physical::bytes:
    case Physical::fixed:
        for (size_t i = 0; good && i < count; i++) {
            uint32_t length = uint32_t(spec.length);
            if (spec.physical == Physical::bytes) {
                if (!(good = values.size() >= 4)) break;
                std::memcpy(&length, values.data(), 4);
                values.remove_prefix(4);
            }
            if (!(good = values.size() >= length)) break;
            const Text text = values.substr(0, length);
            values.remove_prefix(length);
            if (spec.type.kind == Kind::text) {
                static_cast<Text *>(to)[i] = text;
                continue;
            }
            wide value;
            good = big_endian(text, value);
            if (spec.type.is_wide()) static_cast<wide *>(to)[i] = value;
            else static_cast<int64_t *>(to)[i] = int64_t(value);
        }
    }
    if (!good) fail("a page ends within its values");
}

/* Moves `present` values, which lie one after another, to where valid says. */
void ChunkReader::spread(void *values, size_t present, const uint8_t *valid, size_t count) const {
    const size_t width = is_coded ? 4 : spec.type.width();
    char *bytes = static_cast<char *>(values);
    for (size_t i = count; i-- > 0;) {
        if (valid[i]) std::memmove(bytes + i * width, bytes + --present * width, width);
        else std::memset(bytes + i * width, 0, width);
    }
}

Vector ChunkReader::read(size_t count, Arena &arena) {
    if (!loaded) load_page();
    if (skipped) {
        const size_t before = skipped;
        skipped = 0;
        pass(present(row - before, before));
    }
    Vector result;
    result.type = spec.type;
    result.count = count;
    const size_t there = present(row, count);
    if (is_coded) {
        uint32_t *to = arena.take<uint32_t>(count);
        codes.read(to, there);
        uint32_t largest = 0;
        for (size_t i = 0; i < there; i++) largest = std::max(largest, to[i]);
        if (there && largest >= entries) fail("a page names an entry that its dictionary does not have");
        result.codes = to;
        result.values = entries_buffer.data();
        result.entries = entries;
        result.dictionary = dictionary;
        if (entries == 0) { /* nothing but NULLs */
            result.codes = nullptr;
            result.values = std::memset(arena.take<char>(count * spec.type.width()), 0, count * spec.type.width());
        }
    } else {
        void *to = arena.take<char>(count * spec.type.width());
        if (pages[page].encoding == 3) {
            std::vector<uint32_t> bits(there);
            codes.read(bits.data(), there);
            for (size_t i = 0; i < there; i++) static_cast<uint8_t *>(to)[i] = uint8_t(bits[i]);
        } else {
            plain(to, there);
        }
        result.values = to;
    }
    if (there != count) {
        uint8_t *valid = arena.take<uint8_t>(count);
        std::memcpy(valid, levels.data() + row, count);
        result.valid = valid;
        if (result.codes || !is_coded) spread(const_cast<void *>(is_coded ? static_cast<const void *>(result.codes) : result.values), there, valid, count);
    }
    row += count;
    if (row == pages[page].rows) {
        page++;
        row = 0;
        loaded = false;
    }
    return result;
}

void ChunkReader::skip(size_t count) {
    row += count;
    skipped += count;
    if (row < pages[page].rows) return;
    page++;
    row = skipped = 0;
    loaded = false;
}

} // namespace sql
