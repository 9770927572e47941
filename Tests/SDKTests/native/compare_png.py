"""Whether two PNG files hold the same pixels; decoded by zlib. Usage: compare_png.py A B"""

import struct
import sys
import zlib


def chunks(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "signature"
    at = 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body, crc = data[at + 8:at + 8 + length], data[at + 8 + length:at + 12 + length]
        assert struct.unpack(">I", crc)[0] == zlib.crc32(kind + body), "checksum of " + kind.decode()
        yield kind, body
        at += 12 + length


def unfiltered(kind, row, above, step):
    for i in range(len(row)):
        left, up, corner = (row[i - step] if i >= step else 0), above[i], (above[i - step] if i >= step else 0)
        nearest = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
        row[i] = row[i] + (0, left, up, (left + up) // 2, nearest)[kind] & 255
    return row


def pixels(path):
    with open(path, "rb") as file:
        parts = list(chunks(file.read()))
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", parts[0][1])
    assert depth == 8 and colour in (2, 6) and rest == [0, 0, 0] and parts[-1][0] == b"IEND"
    step = 3 if colour == 2 else 4
    data = zlib.decompress(b"".join(body for kind, body in parts if kind == b"IDAT"))
    assert len(data) == height * (1 + width * step), "length"
    rows, above = [], bytearray(width * step)
    for start in range(0, len(data), 1 + width * step):
        above = unfiltered(data[start], bytearray(data[start + 1:start + 1 + width * step]), above, step)
        rows.append(bytes(above))
    return width, height, step, rows


sys.exit(0 if pixels(sys.argv[1]) == pixels(sys.argv[2]) else 1)
