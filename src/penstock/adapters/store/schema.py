"""Tables, as the newest migration leaves them. Times are microseconds since 1970 (UTC), except where they are hashed."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

REVISION = "0002"
"""The migration that made these tables. A database at another one is migrated, or refused where it is unknown."""

TELLING = "kind IN ('E_CANCELLED', 'E_CI_FAILED', 'E_MERGED', 'E_PATCH_SET_REJECTED', 'E_POST_MERGE_FAILED', 'E_RESUMED')"
"""What can be an outcome of a change; SQLite takes the index for a query that says it in just these words."""

metadata = MetaData()

change_head = Table(
    "change_head",
    metadata,
    Column("change_id", String, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("hash", String, nullable=False),
    Column("key_id", String, nullable=False),
    Column("signature", String, nullable=False),
    Column("state", String, nullable=False),
    Column("signal", String, nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("ready_at", BigInteger),
    Column("owner", String),
    Column("epoch", Integer, nullable=False),
    Column("claims", Integer, nullable=False),
    Column("woken", Boolean, nullable=False),
    Index("change_head_ready", "ready_at", sqlite_where=text("ready_at IS NOT NULL")),
    Index("change_head_owner", "owner", sqlite_where=text("owner IS NOT NULL")),
    Index(
        "change_head_one_open",
        "signal",
        unique=True,
        sqlite_where=text("open"),
    ),
    sqlite_with_rowid=False,
)
"""The queue: a worker may claim a row once `ready_at` has come. While one holds it, that is when its lease ends.

`open` is true until the change first ends; one change at a time is open for a signal. `woken` tells the holder
to look again: somebody appended, or asked for it. Everything but the queue's own columns is a projection of the log.
"""

ledger = Table(
    "ledger",
    metadata,
    Column("change_id", String, ForeignKey("change_head.change_id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("at", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("prev", String, nullable=False),
    Column("hash", String, nullable=False),
    UniqueConstraint("change_id", "key"),
    Index("ledger_notices", "at", sqlite_where=text("kind = 'E_NOTICE_POSTED'")),
    Index("ledger_outcomes", "at", "change_id", sqlite_where=text(TELLING)),
    sqlite_with_rowid=False,
)

blob = Table(
    "blob",
    metadata,
    Column("ref", String, primary_key=True),
    Column("change_id", String, ForeignKey("change_head.change_id"), nullable=False, index=True),
    Column("salt", LargeBinary),
    Column("text", Text),
)
"""An erased text keeps its row, without salt and text."""

delivery = Table(
    "delivery",
    metadata,
    Column("id", String, primary_key=True),
    Column("received_at", BigInteger, nullable=False),
    Column("event", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("processed", Boolean, nullable=False),
    Index("delivery_pending", "received_at", sqlite_where=text("NOT processed")),
)

http_cache = Table(
    "http_cache",
    metadata,
    Column("credential", String, primary_key=True),
    Column("url", String, primary_key=True),
    Column("etag", String, nullable=False),
    Column("link", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("used_at", BigInteger, nullable=False, index=True),
)

bucket = Table(
    "bucket",
    metadata,
    Column("lane", String, primary_key=True),
    Column("times", Text, nullable=False),
)
"""When each writer lane wrote or will: a JSON list of Unix seconds, shared by all processes."""

tally = Table(
    "tally",
    metadata,
    Column("name", String, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)
"""How often something worth telling happened since `at`, and what was said of it last. No decision reads it."""
