"""How commands read a file that a person names."""

import sys
from pathlib import Path

from crewline_infra.errors import Invalid


def read_text(name: str) -> str:
    """UTF-8 text of a file, or of standard input for "-". Raises `Invalid` with one sentence."""
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as problem:
        raise Invalid(f"{name} cannot be read: {problem.strerror}.") from problem
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise Invalid(f"{name} is no UTF-8 text (byte {problem.start}).") from problem
