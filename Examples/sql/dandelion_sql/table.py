"""Tables as the operators hand them on (functions/table.h has the layout): for clients, and for functions in Python that queries call.

A function has the input set `rows` with one table, in which its arguments are the columns argument0, argument1, ..., and the output set
`value`, to which it gives a table of as many rows with the one column `value`."""

import datetime
import decimal
import struct

MAGIC = b"dnbatch1"
BOOLEAN, INTEGER, DECIMAL, DATE, REAL, TEXT = range(1, 7)
EPOCH = datetime.date(1970, 1, 1)


class Reader:
    def __init__(self, data):
        self.data, self.at = memoryview(data), 0

    def take(self, size):
        if size > len(self.data) - self.at:
            raise ValueError("the answer is no table: it ends too early")
        part = self.data[self.at:self.at + size]
        self.at = min(len(self.data), self.at + (size + 15) // 16 * 16)
        return part


def is_wide(kind, digits):
    return kind == INTEGER and digits > 19 or kind == DECIMAL and digits > 18


def values(reader, rows, kind, digits, scale, entries, size):
    if kind == TEXT:
        codes = reader.take(4 * rows).cast("I")
        starts = reader.take(4 * (entries + 1)).cast("I")
        text = bytes(reader.take(size))
        words = [text[starts[i]:starts[i + 1]].decode(errors="replace") for i in range(entries)]
        return [words[code] for code in codes]
    if kind == BOOLEAN:
        return [bool(value) for value in reader.take(rows)]
    if kind == REAL:
        return reader.take(8 * rows).cast("d").tolist()
    if is_wide(kind, digits):
        halves = reader.take(16 * rows).cast("Q")
        numbers = [(halves[i] | halves[i + 1] << 64) - (1 << 128 if halves[i + 1] >> 63 else 0) for i in range(0, 2 * rows, 2)]
    else:
        numbers = reader.take(8 * rows).cast("q").tolist()
    if kind == DECIMAL:
        context = decimal.Context(prec=40)
        return [decimal.Decimal(number).scaleb(-scale, context) for number in numbers]
    return [EPOCH + datetime.timedelta(number) for number in numbers] if kind == DATE else numbers


def read(data):
    """Names of the columns, and rows as tuples: int, float, Decimal, date, str, bool, or None. ValueError: the data is no table."""
    reader = Reader(data)
    magic, columns, _, rows, _ = struct.unpack("<8sIIQQ", reader.take(32))
    if magic != MAGIC:
        raise ValueError("the answer is no table")
    heads = []
    for _ in range(columns):
        head = struct.unpack("<4BIQQ", reader.take(24))
        heads.append((*head, bytes(reader.take(head[4])).decode()))
    result = []
    for kind, digits, scale, has_nulls, _, entries, size, _ in heads:
        valid = reader.take(rows) if has_nulls else None
        column = values(reader, rows, kind, digits, scale, entries, size)
        result.append(column if valid is None else [value if good else None for value, good in zip(column, valid)])
    return [head[-1] for head in heads], list(zip(*result)) if result else []


def padded(data):
    return data + bytes(-len(data) % 16)


def write(name, column, kind):
    """A table of one column: bool, int (64 bits), date, float or str values by its kind, or None."""
    present = [value is not None for value in column]
    zero = {TEXT: "", DATE: EPOCH}.get(kind, 0)
    filled = [zero if value is None else value for value in column]
    entries, text = [], b""
    if kind == TEXT:
        places = {word: place for place, word in enumerate(dict.fromkeys(filled))}
        entries = [word.encode() for word in places]
        text = b"".join(entries)
        starts = [0]
        for word in entries:
            starts.append(starts[-1] + len(word))
        data = padded(struct.pack(f"<{len(filled)}I", *(places[word] for word in filled))) + padded(struct.pack(f"<{len(starts)}I", *starts)) + padded(text)
    elif kind == BOOLEAN:
        data = padded(bytes(map(bool, filled)))
    elif kind in (INTEGER, DATE, REAL):
        numbers = [(value - EPOCH).days for value in filled] if kind == DATE else filled
        data = padded(struct.pack(f"<{len(numbers)}{'d' if kind == REAL else 'q'}", *numbers))
    else:
        raise ValueError(f"a column of kind {kind} is not written")
    head = struct.pack("<8sIIQQ", MAGIC, 1, 0, len(column), 0)
    column_head = padded(struct.pack("<4BIQQ", kind, 19, 0, not all(present), len(name.encode()), len(entries), len(text)))
    return head + column_head + padded(name.encode()) + (b"" if all(present) else padded(bytes(present))) + data
