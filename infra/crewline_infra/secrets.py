"""Secrets at rest: files that only their owner reads, and authenticated encryption for columns."""

import os
import secrets as _secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crewline_infra.errors import Invalid, Unavailable

_NONCE_BYTES = 12


def secret_file(folder: Path, name: str, n_bytes: int = 32) -> bytes:
    """The content of a secret file, made of random bytes (mode 0600) when it is not there yet.

    Raises `Unavailable` for a file that cannot be read or made, or that holds something else.
    """
    path = folder / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            write_secret(path, _secrets.token_bytes(n_bytes).hex().encode())
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as problem:
        raise Unavailable(f"{path} cannot be used: {problem.strerror}.") from problem
    except ValueError as problem:
        raise Unavailable(f"{path} is damaged: it holds no hexadecimal key; restore it from a backup.") from problem


def write_secret(path: Path, content: bytes) -> None:
    """Create `path` with mode 0600; a file that another process made first is kept."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        temporary.unlink()


def token(prefix: str = "", n_bytes: int = 32) -> str:
    """A random URL-safe token."""
    return prefix + _secrets.token_urlsafe(n_bytes)


class SecretBox:
    """AES-256-GCM. `place` (tenant|table|column|row) is authenticated, so a ciphertext cannot be moved."""

    def __init__(self, key: bytes, key_id: str = "k1") -> None:
        self._aead = AESGCM(key)
        self._key_id = key_id

    @classmethod
    def from_folder(cls, folder: Path) -> "SecretBox":
        return cls(secret_file(folder, "column.key"))

    def seal(self, content: bytes, place: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._aead.encrypt(nonce, content, place.encode())
        return self._key_id.encode() + b"." + nonce + sealed

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises `Invalid` when the key, the place or the content is not the one that was sealed."""
        key_id, _, rest = sealed.partition(b".")
        if key_id.decode(errors="replace") != self._key_id:
            raise Invalid("This secret was sealed with a key that is not here.")
        try:
            return self._aead.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], place.encode())
        except InvalidTag as problem:
            raise Invalid("This secret does not belong here, or was changed.") from problem
