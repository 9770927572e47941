"""Breaks the interpreter itself, with bytecode that reads far outside of its memory."""


def victim():
    return None


code = bytes([124, 255, 144, 255, 144, 255, 124, 255, 83, 0])  # LOAD_FAST of a variable that is not there
victim.__code__ = victim.__code__.replace(co_code=code, co_stacksize=100)
print(victim())
