"""The center's SQLite database: accounts, sign-ins, last states, history of sessions and sites.

Statements are short and run in the event loop; nothing here waits for another machine.
"""

from pathlib import Path

from sqlalchemy import (
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
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry

from serambi.base.errors import Kind, SerambiError

FORMAT = 1

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


def open_database(path: Path) -> Engine:
    """Open or create the database at `path`. A newer format is refused (`CONFLICT`)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 5.0})
    event.listen(engine, "connect", _prepare)
    try:
        schema.create_all(engine)
        with engine.begin() as connection:
            row = connection.execute(select(meta.c.value).where(meta.c.name == "format")).first()
            if row is None:
                connection.execute(insert(meta).values(name="format", value=str(FORMAT)))
    except DatabaseError as error:
        engine.dispose()
        raise SerambiError(
            Kind.CORRUPT, f"the database cannot be opened: {error.orig}", where=str(path)
        ) from error
    found = str(FORMAT) if row is None else row.value
    if found != str(FORMAT):
        engine.dispose()
        raise SerambiError(
            Kind.CONFLICT,
            f"the database has format {found}, this program knows {FORMAT}",
            where=str(path),
            hint="use the version of Serambi that wrote it, or a newer one",
        )
    path.chmod(0o600)
    return engine


def _prepare(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
