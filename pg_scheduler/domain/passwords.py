"""Text about connections, without the passwords in it."""

from __future__ import annotations

import re
from urllib.parse import unquote

_PASSWORD_WORD = re.compile(r"(\b(?:ssl)?password\s*=\s*)('[^']*'|[^\s&]+)", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)([^:/@\s]*):(\S*)(?=@)")
"""User and password of a URL: up to its last @, because a password may hold one by mistake."""
_USER_INFO_OF_DSN = re.compile(r"(?<=://)([^:/@]*):(.*)(?=@)", re.DOTALL)
"""The same in a text that is a URL as a whole: spaces and quotes belong to the password, though they should
have been percent-encoded."""
_PASSWORD_OF_QUERY = re.compile(r"[?&](?:ssl)?password=(.*?)(?=&[^&=]*=|$)", re.IGNORECASE | re.DOTALL)
"""Up to what looks like the next option: a password may hold an & by mistake, too."""
_QUOTED = re.compile(r'"([^"]*)"')
_WORD = re.compile(r"\w+")


def masked(text: str, dsn: str = "") -> str:
    """`text` with every password as ``***``: those of connection strings in it, and that of `dsn` wherever
    it stands, whole or in the pieces into which a parser tears one that is not percent-encoded."""
    text = _PASSWORD_WORD.sub(r"\1***", _USER_INFO.sub(r"\1:***", text))
    for secret in sorted(_secrets(dsn), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    return text


def masked_complaint(text: str, dsn: str) -> str:
    """What a parser says about a connection string that it cannot read. It quotes where it stumbled, which
    may be in the middle of a password; so of the quotations only plain words are kept: names of options."""
    kept = _QUOTED.sub(lambda quote: quote[0] if _WORD.fullmatch(quote[1]) else '"..."', text)
    return masked(kept, dsn)


def _secrets(dsn: str) -> set[str]:
    passwords = [match[2] for match in _USER_INFO_OF_DSN.finditer(dsn)]
    passwords += [match[2].strip("'") for match in _PASSWORD_WORD.finditer(dsn)]
    passwords += [match[1] for match in _PASSWORD_OF_QUERY.finditer(dsn)]
    pieces = {piece for password in passwords for piece in re.split(r"[@:/?#&\s\"']", password) if piece}
    return {*filter(None, passwords)} | pieces | {unquote(piece) for piece in pieces}
