"""Fails as programs do."""


def ratio(a, b):
    return a / b


print("so far, so good")
print(ratio(1, 0))
