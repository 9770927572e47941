"""Upstream tarballs as Debian's source packages carry them: fetched through a private apt configuration, so without root
and without a change to the system's, checked by SHA-256 and kept in the cache. Run alone it prints the file's path:

    python3 debian_source.py python3.11 python3.11_3.11.2.orig.tar.xz SHA256
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from sources import Problem, cache_folder, digest_of_file, say

SUITE = "bookworm"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def archives():
    """The addresses from which this machine's apt has that suite; Debian's own when it knows none."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
        capture_output=True, text=True)
    known = (line.split() for line in listed.stdout.splitlines())
    found = [site for site, *place in known if place == [SUITE, "main"]]
    return found or ["http://deb.debian.org/debian"]


def stanza(site):
    signed = f"Signed-By: {KEYRING}\n" if KEYRING.is_file() else ""
    return f"Types: deb-src\nURIs: {site}\nSuites: {SUITE}\nComponents: main\n{signed}\n"


def download(package, name, folder):
    """Has apt put the package's files into `folder`; the version that Debian has today, whose tarball is checked later."""
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        for part in ("lists/partial", "cache/archives/partial"):
            (scratch / part).mkdir(parents=True)
        (scratch / "s.sources").write_text("".join(map(stanza, dict.fromkeys(archives()))))
        options = {
            "Dir::Etc::SourceList": scratch / "s.sources", "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": scratch / "lists", "Dir::Cache": scratch / "cache", "APT::Sandbox::User": "",
        }
        apt = ["apt-get", "--quiet", "--quiet", *(f"-o{key}={value}" for key, value in options.items())]
        for command in ([*apt, "update"], [*apt, "source", "--download-only", package]):
            done = subprocess.run(command, cwd=folder, stdout=sys.stderr, stderr=subprocess.PIPE, text=True)
            if done.returncode != 0:
                raise Problem(f"apt could not fetch the source package {package} of Debian {SUITE}:\n{done.stderr}")
    if not (folder / name).is_file():
        raise Problem(f"Debian's source package {package} has no {name} any more")


def tarball(package, name, sha256):
    """The path of file `name` of a source package."""
    kept = cache_folder() / name
    if kept.is_file() and digest_of_file(kept) == sha256:
        return kept
    say(f"fetching the source of {package}")
    with tempfile.TemporaryDirectory(dir=cache_folder()) as scratch:
        download(package, name, Path(scratch))
        found = digest_of_file(Path(scratch) / name)
        if found != sha256:
            raise Problem(f"{name} has the SHA-256 {found}, expected {sha256}")
        (Path(scratch) / name).rename(kept)
    return kept


if __name__ == "__main__":
    try:
        print(tarball(*sys.argv[1:4]))
    except (Problem, TypeError) as problem:
        sys.exit(f"debian_source: {problem}")
