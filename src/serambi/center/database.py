"""The center's SQLite database: accounts, sign-ins, last states, history of sessions and sites,
and what people did at the desk.

Statements are short and run in the event loop; nothing here waits for another machine.
"""

import logging
from pathlib import Path

from sqlalchemy import (
    URL,
    Boolean,
    Column,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from serambi.base.errors import Kind, SerambiError
from serambi.base.files import sqlite_uri

log = logging.getLogger(__name__)

FORMAT = 1
_BUSY_S = 5.0

schema = MetaData()

meta = Table("meta", schema, Column("name", String, primary_key=True), Column("value", String))

accounts = Table(
    "accounts",
    schema,
    Column("account", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("password", String, nullable=False),
)

# Digests only: whoever reads the database cannot sign in with what it holds.
tokens = Table(
    "tokens",
    schema,
    Column("digest", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("label", String, nullable=False),
    Column("created_ms", Integer, nullable=False),
)

codes = Table(
    "codes",
    schema,
    Column("digest", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("expires_ms", Integer, nullable=False),
)

logins = Table(
    "logins",
    schema,
    Column("digest", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("expires_ms", Integer, nullable=False),
)

# Public halves only. `handle` is the account's name for its authenticators: random, the same for
# all of them. `sign_count` is the newest counter that each has shown.
passkeys = Table(
    "passkeys",
    schema,
    Column("id", String, primary_key=True),
    Column("account", String, nullable=False, index=True),
    Column("handle", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("used_ms", Integer, nullable=False),
)

# The newest verified state of each site as it came, signature included.
site_states = Table(
    "site_states",
    schema,
    Column("site", String, primary_key=True),
    Column("raw", LargeBinary, nullable=False),
    Column("heard_ms", Integer, nullable=False),
)

sessions = Table(
    "sessions",
    schema,
    Column("session", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("site", String, nullable=False),
    Column("camera", String, nullable=False),
    Column("stream", String, nullable=False),
    Column("action", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("agreement", String, nullable=False),
    Column("opened_ms", Integer, nullable=False),
    Column("closed_ms", Integer),
    Column("reason", String),
)

# Entries of the sites' ledgers as they stand there. `epoch` is one life of a ledger, `seq` the
# entry's index in it, `leaf` the entry's very bytes.
site_entries = Table(
    "site_entries",
    schema,
    Column("id", Integer, primary_key=True),
    Column("site", String, nullable=False, index=True),
    Column("epoch", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("received_ms", Integer, nullable=False, index=True),
    Column("camera", String, nullable=False, index=True),
    Column("leaf", LargeBinary, nullable=False),
    UniqueConstraint("site", "epoch", "seq"),
    sqlite_autoincrement=True,
)

# All entries of an epoch from `since` on and before `next` were kept once; `differs_*` says where
# and when a gateway sent another version of one of them.
site_epochs = Table(
    "site_epochs",
    schema,
    Column("site", String, primary_key=True),
    Column("epoch", String, primary_key=True),
    Column("since", Integer, nullable=False),
    Column("next", Integer, nullable=False),
    Column("began_ms", Integer, nullable=False),
    Column("differs_seq", Integer),
    Column("differs_ms", Integer),
)

# What happens at the desk, one row a step, never changed. `subject` is the alert, incident, shelf
# or handover that it belongs to; `write_id` the write of a person that it came with.
desk_steps = Table(
    "desk_steps",
    schema,
    Column("id", Integer, primary_key=True),
    Column("stream", String, nullable=False),
    Column("subject", String, nullable=False, index=True),
    Column("at_ms", Integer, nullable=False, index=True),
    Column("account", String, nullable=False),
    Column("name", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("write_id", Integer, index=True),
    Column("body", String, nullable=False),
    sqlite_autoincrement=True,
)

# Which subjects there are, numbered within their stream, and whether somebody still works on them.
desk_subjects = Table(
    "desk_subjects",
    schema,
    Column("stream", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("is_open", Boolean, nullable=False, index=True),
    UniqueConstraint("stream", "number"),
)

# What is attached to incidents, by the SHA-256 of its bytes.
desk_files = Table(
    "desk_files",
    schema,
    Column("digest", String, primary_key=True),
    Column("raw", LargeBinary, nullable=False),
)

# Links that open a participant's part of an incident; digests only.
desk_links = Table(
    "desk_links",
    schema,
    Column("digest", String, primary_key=True),
    Column("incident", String, nullable=False),
    Column("participant", String, nullable=False),
    Column("expires_ms", Integer, nullable=False),
)

# Acts of breaking the glass; `justified_ms` is 0 until somebody has said why.
break_glass = Table(
    "break_glass",
    schema,
    Column("act", String, primary_key=True),
    Column("account", String, nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("site", String, nullable=False),
    Column("camera", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("agreement", String, nullable=False),
    Column("why", String, nullable=False),
    Column("at_ms", Integer, nullable=False),
    Column("justified_ms", Integer, nullable=False, index=True),
    Column("justified_by", String, nullable=False),
    Column("said", String, nullable=False),
)

# What other parties are asked to approve, with the signatures known of it, until it is over.
approvals = Table(
    "approvals",
    schema,
    Column("digest", String, primary_key=True),
    Column("until_ms", Integer, nullable=False),
    Column("raw", LargeBinary, nullable=False),
)

# Keys under which people's writes came: one that comes again is not done again.
desk_writes = Table(
    "desk_writes",
    schema,
    Column("id", Integer, primary_key=True),
    Column("account", String, nullable=False),
    Column("key", String, nullable=False),
    Column("said", String, nullable=False),
    UniqueConstraint("account", "key"),
)


def open_database(path: Path, *, durable: bool = False) -> Engine:
    """Open or create the database at `path`. A newer format is refused (`CONFLICT`).

    A commit outlives the process; with `durable` it also outlives a power cut, at the price of
    a sync of the disk.

    One that is there and cannot be opened now, because the disk is full, is opened at its first
    use that succeeds: until then that raises `OperationalError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    url = URL.create("sqlite", database=sqlite_uri(path), query={"uri": "true"})
    engine = create_engine(url, connect_args={"timeout": _BUSY_S})
    event.listen(engine, "connect", _prepare)
    if durable:
        event.listen(engine, "connect", _sync_each)
    try:
        _create(engine)
    except OperationalError as error:
        if not path.exists() or not path.stat().st_size:
            engine.dispose()
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"the database cannot be made: {error.orig}",
                where=str(path),
                hint="free space on the disk",
            ) from error
        log.error("the database cannot be opened now: %s", error.orig)
    except DatabaseError as error:
        engine.dispose()
        raise SerambiError(
            Kind.CORRUPT, f"the database cannot be opened: {error.orig}", where=str(path)
        ) from error
    except SerambiError:
        engine.dispose()
        raise
    path.chmod(0o600)
    return engine


def _create(engine: Engine) -> None:
    """The tables that are not there yet."""
    schema.create_all(engine)
    with engine.begin() as connection:
        if connection.execute(select(meta.c.value).where(meta.c.name == "format")).first() is None:
            connection.execute(insert(meta).values(name="format", value=str(FORMAT)))


def _prepare(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'")
    if cursor.fetchone() is not None:
        cursor.execute("SELECT value FROM meta WHERE name = 'format'")
        for (found,) in cursor.fetchall():
            _check_format(str(found))
    cursor.close()


def _sync_each(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _check_format(found: str) -> None:
    if found != str(FORMAT):
        raise SerambiError(
            Kind.CONFLICT,
            f"the database has format {found}, this program knows {FORMAT}",
            where="center.db",
            hint="use the version of Serambi that wrote it, or a newer one",
        )
