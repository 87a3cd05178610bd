"""Keys: UUIDv7 made in the application, and derived keys for things that must come out the same twice."""

import os
import threading
import time
from uuid import UUID, uuid5

_lock = threading.Lock()
_last_ms = 0
_sequence = 0
_SEQUENCE_BITS = 12


def new_id(at_ms: int | None = None) -> UUID:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, then a counter, so ids of a process sort as they were made.

    `at_ms` places the id at another instant (imports, tests); such ids keep no order among themselves.
    """
    if at_ms is not None:
        return _compose(at_ms, int.from_bytes(os.urandom(2)) & 0xFFF)
    global _last_ms, _sequence  # noqa: PLW0603 - one counter per process is the point
    with _lock:
        now_ms = time.time_ns() // 1_000_000
        if now_ms > _last_ms:
            _last_ms, _sequence = now_ms, int.from_bytes(os.urandom(1))
        else:
            _sequence += 1
            if _sequence >> _SEQUENCE_BITS:
                _last_ms, _sequence = _last_ms + 1, 0
        return _compose(_last_ms, _sequence)


def derived_id(namespace: UUID, *parts: str) -> UUID:
    """The same id for the same parts, for ever (UUIDv5); parts are joined unambiguously."""
    return uuid5(namespace, "\x1f".join(parts))


def _compose(ms: int, sequence: int) -> UUID:
    value = (ms & (2**48 - 1)) << 80
    value |= 0x7 << 76 | sequence << 64
    value |= 0b10 << 62 | int.from_bytes(os.urandom(8)) >> 2
    return UUID(int=value)
