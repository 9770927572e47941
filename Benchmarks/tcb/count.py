"""Counts the lines of code that isolation depends on, by part: parts.toml lists their files.

    count.py          a Markdown table
    count.py --files  also each file with its lines

Counted are lines that hold more than white space and comments. A pattern of parts.toml that matches no file is an
error, so that the list follows the tree.
"""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NESTED = {".swift", ".rs"}  # languages whose block comments nest
SOURCES = {".swift", ".c", ".h", ".S", ".rs"}


class Mistake(Exception):
    pass


def skip_string(text, at):
    """The end of the string literal that starts at `at`; one line unless it is Swift's with three quotes."""
    quote = '"""' if text.startswith('"""', at) else '"'
    at += len(quote)
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text.startswith(quote, at):
            return at + len(quote)
        elif text[at] == "\n" and quote == '"':
            return at
        else:
            at += 1
    return at


def skip_block(text, at, nested):
    """The end of the block comment that starts at `at`."""
    depth = 0
    while at < len(text):
        if text.startswith("/*", at) and (nested or depth == 0):
            depth, at = depth + 1, at + 2
        elif text.startswith("*/", at):
            depth, at = depth - 1, at + 2
            if depth == 0:
                break
        else:
            at += 1
    return at


def code_lines(text, nested=False):
    """How many lines hold code. Character literals that hold a quote are taken for code, as they should be."""
    lines, line, at = set(), 0, 0
    while at < len(text):
        if text.startswith("//", at):
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif text.startswith("/*", at):
            end = skip_block(text, at, nested)
            line += text.count("\n", at, end)
            at = end
        elif text[at] == '"' and text[at - 1 : at + 2] != "'\"'":
            end = skip_string(text, at)
            lines.update(range(line, line + text.count("\n", at, end) + 1))
            line += text.count("\n", at, end)
            at = end
        else:
            if text[at] == "\n":
                line += 1
            elif not text[at].isspace():
                lines.add(line)
            at += 1
    return len(lines)


def files(part):
    """The source files of a part's patterns, without those of `without`."""
    found = set()
    for pattern in part["files"]:
        matches = {path for path in ROOT.glob(pattern) if path.suffix in SOURCES}
        if not matches:
            raise Mistake(f"parts.toml: {part['name']}: no source file matches '{pattern}'")
        found |= matches
    for pattern in part.get("without", []):
        matches = set(ROOT.glob(pattern))
        if not matches:
            raise Mistake(f"parts.toml: {part['name']}: no file matches '{pattern}', which is to be left out")
        found -= matches
    return sorted(found)


def count(path):
    return code_lines(path.read_text(), path.suffix in NESTED)


def print_table(parts, with_files):
    seen, total = {}, 0
    print("| part | lines | files | why it is trusted |\n|---|---|---|---|")
    for part in parts:
        paths = files(part)
        for path in paths:
            if path in seen:
                raise Mistake(f"parts.toml: {path.relative_to(ROOT)} is in '{seen[path]}' and in '{part['name']}'")
            seen[path] = part["name"]
        lines = sum(count(path) for path in paths)
        total += lines
        print(f"| {part['name']} | {lines} | {len(paths)} | {part['why']} |")
        for path in paths if with_files else []:
            print(f"| | {count(path)} | {path.relative_to(ROOT)} | |")
    print(f"| all | {total} | {len(seen)} | |")


def main():
    with open(Path(__file__).with_name("parts.toml"), "rb") as file:
        parts = tomllib.load(file)["part"]
    try:
        print_table(parts, "--files" in sys.argv[1:])
    except Mistake as mistake:
        sys.exit(f"tcb: {mistake}")


if __name__ == "__main__":
    main()
