"""Identities of workers."""

from __future__ import annotations

import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_worker_id(length: int) -> str:
    """A random identity, unique per incarnation: 5 bits per character."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
