"""The standard library as one zip file of compiled modules, not compressed: modules are read where they lie.

    python3.11 library.py CPYTHON/Lib EXTRA_FOLDER... OUTPUT.zip

Files of the EXTRA folders are added as they are, compiled where they are modules. What needs a screen, another process or
a package index is left out."""

import importlib.util
import marshal
import sys
import zipfile
from pathlib import Path

LEFT_OUT = {
    ".mypy_cache", "__pycache__", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages", "test", "tests", "tkinter", "turtledemo",
    "venv", "distutils", "antigravity.py", "this.py", "turtle.py", "webbrowser.py", "_osx_support.py", "_aix_support.py",
}
EPOCH = (1980, 1, 1, 0, 0, 0)


def compiled(source, name):
    """The contents of a .pyc that is never compared with its source (PEP 552)."""
    code = compile(source, f"/usr/lib/python311.zip/{name}", "exec", dont_inherit=True, optimize=0)
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source) + marshal.dumps(code)


def files(folder):
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and path.suffix != ".pyi" and not LEFT_OUT.intersection(name.parts):
            yield path, name.as_posix()


def main(folders, output):
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for folder in folders:
            for path, name in files(Path(folder)):
                content = path.read_bytes()
                if path.suffix == ".py":
                    content, name = compiled(content, name), name + "c"
                archive.writestr(zipfile.ZipInfo(name, EPOCH), content)


if __name__ == "__main__":
    if importlib.util.MAGIC_NUMBER != b"\xa7\r\r\n":
        sys.exit(f"library.py must be run by Python 3.11, whose code it writes; this is {sys.version.split()[0]}")
    main(sys.argv[1:-1], sys.argv[-1])
