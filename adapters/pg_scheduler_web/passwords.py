"""Passwords as hashes: scrypt, with the parameters beside each."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from pg_scheduler.domain.errors import InvalidInput

_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
_MEMORY = 64 * 1024 * 1024


def password_hash(password: str) -> str:
    """What `pgq web --password-hash` takes: ``scrypt$16384$8$1$SALT$HASH``."""
    salt = secrets.token_bytes(16)
    made = _scrypt(password, salt, _COST, _BLOCK, _PARALLEL)
    parts = (base64.urlsafe_b64encode(part).decode() for part in (salt, made))
    return "$".join(("scrypt", str(_COST), str(_BLOCK), str(_PARALLEL), *parts))


def checked_hash(text: str) -> str:
    """The text, if it is such a hash.

    Raises:
        InvalidInput: it is not, for example a password itself.
    """
    try:
        _parts(text)
        fits("", text)
    except (ValueError, TypeError):
        raise InvalidInput(
            "password-hash", "is no hash of a password", "`pgq web --hash-password` makes one"
        ) from None
    return text


def fits(password: str, stored: str) -> bool:
    """Whether this is the password of the hash. It takes its time, on purpose."""
    cost, block, parallel, salt, expected = _parts(stored)
    return hmac.compare_digest(_scrypt(password, salt, cost, block, parallel), expected)


def _parts(stored: str) -> tuple[int, int, int, bytes, bytes]:
    name, cost, block, parallel, salt, made = stored.split("$")
    if name != "scrypt" or not salt or not made:
        raise ValueError(name)
    return (
        int(cost),
        int(block),
        int(parallel),
        base64.urlsafe_b64decode(salt),
        base64.urlsafe_b64decode(made),
    )


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    given = password.encode(errors="surrogateescape")
    return hashlib.scrypt(given, salt=salt, n=cost, r=block, p=parallel, maxmem=_MEMORY, dklen=32)
