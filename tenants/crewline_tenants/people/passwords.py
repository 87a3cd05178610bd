"""argon2id in a small pool of threads: slow on purpose, it must not stop the event loop."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _

MIN_LENGTH, MAX_LENGTH = 10, 256
_THREADS = 2
_hasher = PasswordHasher()


async def hash_password(password: str) -> str:
    """Raises `Invalid` for one that is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        text = _("A password has %(least)s to %(most)s characters.")
        raise Invalid(text % {"least": MIN_LENGTH, "most": MAX_LENGTH}, field="password")
    return await asyncio.get_running_loop().run_in_executor(_pool(), _hasher.hash, password)


async def password_matches(password: str, stored: str | None) -> bool:
    """An account without a password takes as long as one with a wrong one."""
    loop = asyncio.get_running_loop()
    decoy = await loop.run_in_executor(_pool(), _decoy)
    matches = await loop.run_in_executor(_pool(), _verify, stored or decoy, password[: MAX_LENGTH + 1])
    return matches and stored is not None


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")


@lru_cache(maxsize=1)
def _decoy() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))


def _verify(expected: str, password: str) -> bool:
    try:
        return _hasher.verify(expected, password)
    except (VerificationError, InvalidHashError):
        return False
