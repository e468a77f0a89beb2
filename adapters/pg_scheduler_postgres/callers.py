"""Whether what a caller asks for is part of a transaction: of the one that he gave, or of none."""

from __future__ import annotations

from typing import Any

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.ports.borrowed import Borrowed
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.session import Session


async def session_for(link: Link, connection: Any, what: str) -> Session:
    """The session for something that a caller may want to be part of his transaction: on his connection, or
    the driver's own if he gave none.

    Raises:
        InvalidInput: the connection is in no transaction and he has not said that this is meant, or nobody
            could work on it; or none was given, while the one that the driver was made from is in one.
    """
    if isinstance(connection, Borrowed) and connection.autocommit:
        return await link.borrowed(connection)
    if connection is not None:
        return await in_transaction_of(link, connection, what, _OTHERWISE)
    if link.session.owner_in_transaction():
        raise InvalidInput(
            "connection",
            "not given, while the connection that you work on has a transaction open, of which "
            f"{what} would be no part",
            "Pass it as connection=, or give the scheduler a pool or a connection string",
        )
    return link.session


_OTHERWISE = ", leave connection= out, or say connection=Borrowed(..., autocommit=True)"


async def in_transaction_of(link: Link, connection: Any, what: str, otherwise: str = "") -> Session:
    """A session in the transaction that a caller has open.

    Raises:
        InvalidInput: there is none, or nobody could work on the connection.
    """
    session = await link.borrowed(connection)
    if not session.in_transaction():
        raise InvalidInput(
            "connection",
            f"has no transaction open, so {what} could not be part of one",
            "Open one around your statements and this call (of SQLAlchemy pass the session itself, in an "
            f"isolation level other than AUTOCOMMIT; of Django within transaction.atomic()){otherwise}",
        )
    return session
