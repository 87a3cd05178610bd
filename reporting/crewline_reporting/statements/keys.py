"""The installation's keys for statements: files of mode 0600 among its secrets."""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crewline_infra.secrets import secret_file
from crewline_reporting.statements.chain import public_key_hex, public_key_id

_REFERENCE_BYTES = 8


@dataclass(frozen=True, slots=True)
class StatementKeys:
    """`signing` seals statements; `reference` makes customers nameless to all who lack it."""

    signing: Ed25519PrivateKey
    reference: bytes

    @property
    def public_hex(self) -> str:
        return public_key_hex(self.signing)

    @property
    def public_id(self) -> str:
        return public_key_id(self.public_hex)


def statement_keys(secrets_folder: Path) -> StatementKeys:
    """The keys of this installation, made at their first use.

    Losing the signing key means a new public key for every tenant.
    """
    seed = secret_file(secrets_folder, "statement-signing.key")
    reference = secret_file(secrets_folder, "statement-reference.key")
    return StatementKeys(Ed25519PrivateKey.from_private_bytes(seed), reference)


def customer_reference(key: bytes, tenant_id: UUID, customer: str) -> str:
    """A stable name of a customer in one tenant's statements: 16 hex digits of a keyed hash."""
    message = f"{tenant_id}\x1f{customer}".encode()
    return hmac.new(key, message, sha256).hexdigest()[: 2 * _REFERENCE_BYTES]
