"""The C library's complex functions, from numpy's source distribution: FreeBSD's, for three types of number, which numpy
keeps as one template."""

import re
import tarfile
import types

from sources import Problem, from_index

REQUIREMENT = "numpy==1.24.4"
FILE = "numpy-1.24.4.tar.gz"
SHA256 = "80f5e3a4e498641401868df4208b74581206afbee7cf7b8329daae82676d9463"

TEMPLATE = "numpy/core/src/npymath/npy_math_complex.c.src"
EXPANDER = "numpy/distutils/conv_template.py"
# Behind it numpy only names what its platform has.
END = "/*==========================================================\n * Decorate all the functions"


def members(names):
    with tarfile.open(from_index(REQUIREMENT, FILE, SHA256, "--no-binary", "numpy")) as archive:
        root = FILE.removesuffix(".tar.gz")
        return [archive.extractfile(f"{root}/{name}").read().decode() for name in names]


def source():
    """C that wants hlibc/complex/npy_math_common.h and musl's internal headers, and the licence of all that it comes from."""
    template, expander, licence = members([TEMPLATE, EXPANDER, "LICENSE.txt"])
    conv_template = types.ModuleType("conv_template")
    exec(compile(expander, EXPANDER, "exec"), conv_template.__dict__)
    text, end, _ = conv_template.process_str(template).partition(END)
    if not end:
        raise Problem(f"{FILE}: {TEMPLATE} does not end as expected")
    text = re.sub(r"^#include .*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\bnpy_(\w+)\(", r"\1(", text)
    notice = template.partition("*/")[0].removeprefix("/*")
    return f'#include "npy_math_common.h"\n{text}', f"{licence}\n{notice}"
