"""How commands read a file that a person names."""

import sys
from pathlib import Path

from crewline_infra.errors import Invalid

BYTES_MAX = 16 * 1024 * 1024
"""More than any contract, rate card or pattern; a wrong file is refused before it fills the memory."""


def read_text(name: str) -> str:
    """UTF-8 text of a file, or of standard input for "-". Raises `Invalid` with one sentence."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(BYTES_MAX + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(BYTES_MAX + 1)
    except OSError as problem:
        raise Invalid(f"{name} cannot be read: {problem.strerror}.") from problem
    except ValueError as problem:
        raise Invalid(f"{name!r} cannot be the name of a file.") from problem
    if len(content) > BYTES_MAX:
        raise Invalid(f"{name} is too large: at most {BYTES_MAX // 1024**2} MB are read.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise Invalid(f"{name} is no UTF-8 text (byte {problem.start}).") from problem
