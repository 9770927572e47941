"""The function that each invocation calls; apart, so that whoever asks for it needs not import more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

handler: Callable[..., Any] | None = None
