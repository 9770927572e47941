#!/usr/bin/env python3
"""Puts the packages of a requirements file into one zip file, which a Python function gets as `packages.zip`.

    bundle.py requirements.txt packages.zip [--image NAME] [--with FOLDER]... [--optional NAME]...

pip chooses the versions, for the image's Python 3.11. What is compiled for a machine cannot be loaded in a sandbox: where a
release has a pure wheel too, that is taken; where its compiled modules only make it faster, they are left out (those of
OPTIONAL below, and of the packages that --optional names); else the package is refused by name. --image names the image that the
function is registered with: what it has linked in is left out, and others get along with that version. --with adds a folder of
modules of one's own. Nothing is downloaded when the requirements have not changed.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PYTHON = "3.11"
# Packages that are whole without their compiled modules, which are faster.
OPTIONAL = {"charset-normalizer", "coverage", "markupsafe", "msgpack", "pyyaml", "simplejson", "sqlalchemy", "wrapt"}
# What images have linked in.
LINKED = {"python": {}, "python-numpy": {"numpy": "1.24.4"}}
COMPILED = (".so", ".pyd", ".dylib", ".dll", ".a")
FULL = ["--implementation", "cp", "--abi", "cp311", "--abi", "abi3", "--abi", "none"] + [
    word for platform in ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64", "manylinux_2_34_x86_64",
                          "manylinux1_x86_64", "any") for word in ("--platform", platform)]
PURE = ["--implementation", "py", "--abi", "none", "--platform", "any"]
EPOCH = (1980, 1, 1, 0, 0, 0)


class Refused(Exception):
    """What the user has to change."""


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def normal(name):
    """A package's name as the index compares it (PEP 503)."""
    return name.lower().replace("_", "-").replace(".", "-")


def resolved(requirements, linked, folder):
    """(name, version, who asks for it) of all that is to be installed, as pip decides for the image's Python."""
    constraints = Path(folder, "constraints.txt")
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in linked.items()))
    done = pip("install", "--dry-run", "--ignore-installed", "--quiet", "--only-binary=:all:", "--python-version", PYTHON, *FULL,
               "--target", "/nowhere", "--report", "-", "-c", constraints, "-r", requirements)
    if done.returncode != 0:
        raise Refused(f"pip cannot resolve {requirements}:\n{done.stderr.strip()}")
    entries = json.loads(done.stdout)["install"]
    return [(entry["metadata"]["name"], entry["metadata"]["version"], asks(entry, entries)) for entry in entries]


def asks(entry, entries):
    """The packages that need this one; empty when the requirements name it."""
    name = normal(entry["metadata"]["name"])
    if entry.get("requested"):
        return []
    return sorted(
        other["metadata"]["name"] for other in entries
        for need in other["metadata"].get("requires_dist", [])
        if normal(need.replace(";", " ").replace("(", " ").replace("<", " ").replace(">", " ").replace("=", " ")
                  .replace("!", " ").replace("~", " ").replace("[", " ").split()[0]) == name)


def wheel(name, version, folder):
    """The wheel of a release: the pure one when there is one."""
    for tags in (PURE, FULL):
        done = pip("download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version", PYTHON, *tags, "--dest", folder,
                   f"{name}=={version}")
        if done.returncode == 0:
            return max(Path(folder).glob("*.whl"), key=lambda path: path.stat().st_mtime_ns)
    raise Refused(f"pip cannot download {name} {version}:\n{done.stderr.strip()}")


def contents(path):
    """Names and bytes of a wheel's files as they are installed."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            parts = name.split("/")
            if parts[0].endswith(".data"):
                # Of the schemes only those for modules; scripts and headers are of no use.
                if parts[1] not in ("purelib", "platlib"):
                    continue
                parts = parts[2:]
            if parts[-1]:
                yield "/".join(parts), archive.read(name)


def refuse(name, version, compiled, askers):
    needed = f" (needed by {', '.join(askers)})" if askers else ""
    advice = {
        "numpy": "use the image python-numpy, which has numpy 1.24.4 linked in (./dev python --numpy; IMAGE in the Makefile)",
        "pydantic-core": "use pydantic<2, which is pure Python, or attrs or dataclasses",
    }.get(normal(name), "use another release or another package, or, if it is whole without them, say so: OPTIONAL := " + name +
          " in the Makefile")
    raise Refused(
        f"{name} {version}{needed} has compiled modules, such as {compiled[0]}, which cannot be loaded in a sandbox: {advice}")


def files(requirements, linked, optional, folder):
    """Everything that the requirements stand for, by path."""
    found = {}
    for name, version, askers in resolved(requirements, linked, folder):
        if normal(name) in linked:
            continue
        package = dict(contents(wheel(name, version, folder)))
        compiled = sorted(path for path in package if path.endswith(COMPILED) or ".so." in path)
        if compiled and normal(name) not in optional:
            refuse(name, version, compiled, askers)
        found |= {path: data for path, data in package.items() if path not in compiled}
        print(f"bundle: {name} {version}" + (f" without {len(compiled)} compiled modules" if compiled else ""), file=sys.stderr)
    return found


def own(folder):
    """The modules of a folder of the user's, under its name."""
    root = Path(folder)
    if not root.is_dir():
        raise Refused(f"{folder} is no folder")
    return {path.relative_to(root.parent).as_posix(): path.read_bytes() for path in sorted(root.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts}


def wanted(requirements):
    lines = (line.split("#")[0].strip() for line in Path(requirements).read_text().splitlines())
    return [line for line in lines if line]


def digest(arguments, added):
    choices = [wanted(arguments.requirements), arguments.image, sorted(arguments.optional)]
    found = hashlib.sha256(json.dumps(choices).encode())
    for path in sorted(added):
        found.update(path.encode() + b"\0" + added[path])
    return found.hexdigest()


def write(output, found, mark):
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = mark.encode()
        for path in sorted(found):
            archive.writestr(zipfile.ZipInfo(path, EPOCH), found[path], zipfile.ZIP_DEFLATED)


def up_to_date(output, mark):
    try:
        with zipfile.ZipFile(output) as archive:
            return archive.comment == mark.encode()
    except (OSError, zipfile.BadZipFile):
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("requirements")
    parser.add_argument("output")
    parser.add_argument("--image", choices=sorted(LINKED), default="python")
    parser.add_argument("--with", dest="folders", metavar="FOLDER", action="append", default=[])
    parser.add_argument("--optional", metavar="NAME", action="append", default=[])
    arguments = parser.parse_args()
    try:
        added = {path: data for folder in arguments.folders for path, data in own(folder).items()}
        mark = digest(arguments, added)
        if up_to_date(arguments.output, mark):
            return
        optional = OPTIONAL | {normal(name) for name in arguments.optional}
        with tempfile.TemporaryDirectory() as folder:
            found = files(arguments.requirements, LINKED[arguments.image], optional, folder) if wanted(arguments.requirements) else {}
        Path(arguments.output).parent.mkdir(parents=True, exist_ok=True)
        write(arguments.output, found | added, mark)
    except (Refused, OSError) as problem:
        sys.exit(f"bundle: {problem}")


if __name__ == "__main__":
    main()
