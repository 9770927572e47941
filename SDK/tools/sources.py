"""The upstream sources of the SDK, pinned files of the Python package index: musl, libc++, libc++abi and libunwind from
one (zig's distribution carries them unbuilt), complex functions from another (complex_functions.py). HLIBC_SRC names
another place of the first: the wheel, or a folder with its contents unpacked."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "ziglang==0.14.1"
PLATFORM = "manylinux2010_x86_64"
SHA256 = "6eb9d4d759b292c83810dbee2e9e8e3fbfbf01d864e6e9811bae711fd74e1c2f"

# What is taken out of the wheel, and what only a build of builtins.py takes.
PARTS = (
    "ziglang/lib/libc/musl/",
    "ziglang/lib/libc/include/generic-musl/",
    "ziglang/lib/libc/include/x86_64-linux-musl/",
    "ziglang/lib/libc/include/aarch64-linux-musl/",
    "ziglang/lib/libc/include/any-linux-any/",
    "ziglang/lib/libc/include/x86-linux-any/",
    "ziglang/lib/libc/include/aarch64-linux-any/",
    "ziglang/lib/libcxx/",
    "ziglang/lib/libcxxabi/",
    "ziglang/lib/libunwind/",
)
COMPILER_PARTS = ("ziglang/zig", "ziglang/lib/std/", "ziglang/lib/compiler_rt")


class Problem(Exception):
    """Something the user can repair."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(base) / "dandelion" / "sdk"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def digest_of_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def from_index(requirement, name, sha256, *options):
    """The path of file `name` of the package index, in the cache."""
    kept = cache_folder() / name
    if not kept.is_file():
        say(f"downloading {requirement}")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", *options]
        if subprocess.run([*command, "--dest", str(kept.parent), requirement], stdout=sys.stderr).returncode != 0:
            raise Problem(f"pip could not download {requirement}. It needs python3-pip and the package index; without "
                          f"them, put {name} into {kept.parent}")
    if (found := digest_of_file(kept)) != sha256:
        raise Problem(f"{kept} has the SHA-256 {found}, expected {sha256} ({requirement})")
    return kept


def download(folder):
    """The wheel, from the cache or the package index."""
    for path in folder.glob("ziglang-*.whl"):
        if digest_of_file(path) == SHA256:
            return path
        path.unlink()
    say(f"downloading {PACKAGE} (83 MB)")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--platform", PLATFORM, "--dest", str(folder), PACKAGE]
    if subprocess.run(command, stdout=sys.stderr).returncode != 0:
        raise Problem(
            f"pip could not download {PACKAGE}. It needs python3-pip and the package index; without them, set "
            "HLIBC_SRC to that wheel or to a folder with its contents.")
    return checked(next(iter(folder.glob("ziglang-*.whl"))))


def checked(wheel):
    found = digest_of_file(wheel)
    if found != SHA256:
        raise Problem(f"{wheel} has the SHA-256 {found}, expected {SHA256} ({PACKAGE})")
    return wheel


def extract(wheel, parts, folder):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(parts)])


def unpack(wheel, folder):
    say("unpacking the sources")
    scratch = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        extract(wheel, PARTS, scratch)
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class Sources:
    """`lib` holds libc/, libcxx/, libcxxabi/ and libunwind/; `digest` stands for all that the source has."""

    def __init__(self):
        self.override = os.environ.get("HLIBC_SRC")
        if self.override and Path(self.override).is_dir():
            self.lib = self._lib_in(Path(self.override))
            self.digest = hashlib.sha256(str(self.lib.resolve()).encode()).hexdigest()
            return
        folder = cache_folder() / f"sources-{SHA256[:16]}"
        if not folder.is_dir():
            unpack(self._wheel(), folder)
        self.lib, self.digest = folder / "ziglang" / "lib", SHA256

    def _lib_in(self, override):
        for folder in (override, override / "lib", override / "ziglang" / "lib"):
            if (folder / "libc" / "musl").is_dir():
                return folder
        raise Problem(f"HLIBC_SRC={override} holds no libc/musl")

    def _wheel(self):
        return checked(self.override) if self.override else download(cache_folder())

    def compiler(self, scratch):
        """zig itself and its library, unpacked in `scratch` when the source is a wheel."""
        folder = self.lib.parent
        if not self.override or not Path(self.override).is_dir():
            extract(self._wheel(), COMPILER_PARTS, scratch)
            folder = scratch / "ziglang"
            (folder / "zig").chmod(0o755)
        return folder / "zig", folder / "lib" / "compiler_rt.zig"
