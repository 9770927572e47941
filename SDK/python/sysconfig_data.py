"""What sysconfig tells of this build; no path of the machine that built it."""

build_time_vars = {"EXT_SUFFIX": ".none", "MULTIARCH": "x86_64-linux-musl", "TZPATH": "", "prefix": "/usr"}
