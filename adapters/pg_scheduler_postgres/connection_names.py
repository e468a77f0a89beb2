"""What connections of ours are called in the server's list of sessions, `pg_stat_activity`."""

from __future__ import annotations

import os

LONGEST = 63
"""Bytes of a name that the server keeps."""
WHOSE = "pg_scheduler"
"""What connections are called that belong to nobody in particular."""


class ConnectionNames:
    """Names for connections that are made from now on: who made them, and what each is for. It is shared by
    all that make connections for one driver. A name that somebody else has chosen is kept: in a connection
    string, in a pool, in PGAPPNAME, or for the role."""

    def __init__(self, who: str = "") -> None:
        self.who = who

    def of(self, purpose: str = "") -> str:
        """The name of a connection: printable ASCII that the server keeps as it is. A long one loses the end
        of whose it is, and not what it is for."""
        chosen = os.environ.get("PGAPPNAME")
        if chosen:
            return chosen
        who, role = _printable(self.who), f" {purpose}" if purpose else ""
        whose = f"{WHOSE} {who}" if who else WHOSE
        return whose[: LONGEST - len(role)] + role

    def copied(self) -> ConnectionNames:
        """The same as now, whatever changes here."""
        return ConnectionNames(self.who)


def statement_naming(name: str) -> str:
    """Gives a connection its name. Without parameters, so that nothing is prepared for it."""
    quoted = name.replace("'", "''")
    return f"SELECT pg_catalog.set_config('application_name', E'{_escaped(quoted)}', false)"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\")


def _printable(text: str) -> str:
    return "".join(sign if " " <= sign <= "~" else "?" for sign in text)
