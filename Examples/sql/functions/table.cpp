#include "table.h"

namespace sql {

namespace {

constexpr char magic[] = "dnbatch1";
constexpr size_t alignment = 16;

struct Head {
    char magic[8];
    uint32_t columns, zero;
    uint64_t rows, more;
};

struct ColumnHead {
    uint8_t kind, digits, scale, has_nulls;
    uint32_t name;
    uint64_t entries, bytes;
};

struct Reader {
    Text item;
    size_t at = 0;

    const char *take(uint64_t count, uint64_t width) {
        if (width && count > (item.size() - at) / width) throw Failure("a table ends too early");
        const char *start = item.data() + at;
        const uint64_t size = (count * width + alignment - 1) / alignment * alignment;
        at = std::min<uint64_t>(item.size(), at + size);
        return start;
    }
};

} // namespace

TableView::TableView(Text item) {
    Reader reader{item};
    Head head;
    std::memcpy(&head, reader.take(1, sizeof head), sizeof head);
    if (std::memcmp(head.magic, magic, 8) != 0) throw Failure("an item is no table");
    if (head.columns > 4096 || head.rows > UINT32_MAX) throw Failure("a table has too many columns or rows");
    row_count = head.rows;
    std::vector<ColumnHead> heads(head.columns);
    for (ColumnHead &column : heads) {
        std::memcpy(&column, reader.take(1, sizeof column), sizeof column);
        const Text name(reader.take(column.name, 1), column.name);
        const Type type{Kind(column.kind), column.digits, column.scale};
        if (column.kind < 1 || column.kind > 6 || column.digits > 39 || column.scale > 39 || column.entries > item.size()) throw Failure("a table has a column of no type");
        columns.push_back({std::string(name), type});
    }
    for (size_t i = 0; i < heads.size(); i++) {
        Vector vector;
        vector.type = columns[i].type;
        vector.count = row_count;
        if (heads[i].has_nulls) vector.valid = reinterpret_cast<const uint8_t *>(reader.take(row_count, 1));
        if (vector.type.kind == Kind::text) {
            const auto *codes = reinterpret_cast<const uint32_t *>(reader.take(row_count, 4));
            const auto *starts = reinterpret_cast<const uint32_t *>(reader.take(heads[i].entries + 1, 4));
            const char *bytes = reader.take(heads[i].bytes, 1);
            std::vector<Text> &texts = entries.emplace_back();
            for (uint64_t entry = 0; entry < heads[i].entries; entry++) {
                if (starts[entry] > starts[entry + 1] || starts[entry + 1] > heads[i].bytes) throw Failure("a table has a text beyond its end");
                texts.push_back(Text(bytes + starts[entry], starts[entry + 1] - starts[entry]));
            }
            for (size_t row = 0; row < row_count; row++)
                if (codes[row] >= texts.size()) throw Failure("a table names a text that it does not have");
            vector.codes = codes;
            vector.values = texts.data();
            vector.entries = texts.size();
            vector.dictionary = new_dictionary();
        } else {
            vector.values = reader.take(row_count, vector.type.width());
        }
        vectors.push_back(vector);
    }
}

Table::Table(Schema schema) : columns(std::move(schema)), stored(columns.size()) {}

uint32_t Table::entry(Stored &to, Text text) {
    const auto found = to.known.find(text);
    if (found != to.known.end()) return found->second;
    if (to.entries.size() >= UINT32_MAX - 1) throw Failure("a column has too many different texts");
    const Text kept = to.owned.emplace_back(text);
    const uint32_t place = uint32_t(to.entries.size());
    to.entries.push_back(kept);
    to.known.emplace(kept, place);
    to.dictionary = new_dictionary();
    return place;
}

template <class T> static void append_values(std::vector<char> &to, const Vector &from) {
    const size_t before = to.size();
    to.resize(before + from.count * sizeof(T));
    T *values = reinterpret_cast<T *>(to.data() + before);
    if (!from.codes) std::memcpy(values, from.values, from.count * sizeof(T));
    else
        for (size_t i = 0; i < from.count; i++) values[i] = from.as<T>()[from.codes[i]];
}

void Table::append(Stored &to, const Vector &from) {
    if (from.valid && to.valid.empty()) to.valid.resize(row_count, 1);
    if (from.valid) to.valid.insert(to.valid.end(), from.valid, from.valid + from.count);
    else if (!to.valid.empty()) to.valid.resize(to.valid.size() + from.count, 1);
    if (from.type.kind == Kind::text) {
        if (from.codes && from.dictionary != to.last) {
            to.last = from.dictionary;
            to.translated.assign(from.entries, UINT32_MAX);
        }
        for (size_t i = 0; i < from.count; i++) {
            if (!from.is_valid(i)) {
                to.codes.push_back(entry(to, Text()));
            } else if (from.codes) {
                uint32_t &code = to.translated[from.codes[i]];
                if (code == UINT32_MAX) code = entry(to, from.at<Text>(i));
                to.codes.push_back(code);
            } else {
                to.codes.push_back(entry(to, from.at<Text>(i)));
            }
        }
        return;
    }
    switch (from.type.width()) {
    case 1: append_values<uint8_t>(to.values, from); break;
    case 8: append_values<int64_t>(to.values, from); break;
    default: append_values<wide>(to.values, from);
    }
}

void Table::append(const Run &run) {
    if (row_count + run.count > UINT32_MAX) throw Failure("a table has too many rows");
    for (size_t i = 0; i < stored.size(); i++) append(stored[i], run.columns[i]);
    row_count += run.count;
}

void Table::append(const TableView &view) {
    Run run;
    run.count = view.rows();
    for (size_t i = 0; i < columns.size(); i++) {
        if (i >= view.schema().size() || view.schema()[i].name != columns[i].name || view.schema()[i].type != columns[i].type)
            throw Failure("tables of one set have different columns");
        run.columns.push_back(view.column(i));
    }
    append(run);
}

Vector Table::column(size_t place) const {
    const Stored &from = stored[place];
    Vector vector;
    vector.type = columns[place].type;
    vector.count = row_count;
    vector.valid = from.valid.empty() ? nullptr : from.valid.data();
    vector.values = from.values.data();
    if (vector.type.kind == Kind::text) {
        vector.values = from.entries.data();
        vector.codes = from.codes.data();
        vector.entries = from.entries.size();
        vector.dictionary = from.dictionary;
    }
    return vector;
}

std::vector<char> Table::serialize() const {
    std::vector<char> bytes;
    const auto put = [&](const void *data, size_t size) {
        const size_t at = bytes.size();
        bytes.resize((at + size + alignment - 1) / alignment * alignment);
        if (size) std::memcpy(bytes.data() + at, data, size);
    };
    size_t total = 0;
    for (const Stored &column : stored) total += column.values.size() + column.codes.size() * 4 + column.valid.size();
    bytes.reserve(total + stored.size() * 256 + 4096);
    Head head{{}, uint32_t(columns.size()), 0, row_count, 0};
    std::memcpy(head.magic, magic, 8);
    put(&head, sizeof head);
    for (size_t i = 0; i < columns.size(); i++) {
        uint64_t length = 0;
        for (const Text text : stored[i].entries) length += text.size();
        if (length > UINT32_MAX) throw Failure("a column has too much text");
        const Type type = columns[i].type;
        const ColumnHead column{uint8_t(type.kind), type.digits, type.scale, !stored[i].valid.empty(), uint32_t(columns[i].name.size()),
                                stored[i].entries.size(), length};
        put(&column, sizeof column);
        put(columns[i].name.data(), columns[i].name.size());
    }
    for (size_t i = 0; i < columns.size(); i++) {
        const Stored &column = stored[i];
        if (!column.valid.empty()) put(column.valid.data(), column.valid.size());
        if (columns[i].type.kind != Kind::text) {
            put(column.values.data(), column.values.size());
            continue;
        }
        std::vector<uint32_t> starts(1, 0);
        std::string texts;
        for (const Text text : column.entries) {
            texts += text;
            starts.push_back(uint32_t(texts.size()));
        }
        put(column.codes.data(), column.codes.size() * 4);
        put(starts.data(), starts.size() * 4);
        put(texts.data(), texts.size());
    }
    return bytes;
}

} // namespace sql
