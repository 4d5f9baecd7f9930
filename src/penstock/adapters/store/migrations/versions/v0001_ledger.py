"""Ledger, texts, queue, inbox, and what clients remember."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _queue()
    _ledger()
    _memory()


def _queue() -> None:
    op.create_table(
        "change_head",
        sa.Column("change_id", sa.String, primary_key=True),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("key_id", sa.String, nullable=False),
        sa.Column("signature", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("signal", sa.String, nullable=False, index=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("ready_at", sa.BigInteger),
        sa.Column("owner", sa.String),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("claims", sa.Integer, nullable=False),
        sa.Column("woken", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    ready, owned, opened = sa.text("ready_at IS NOT NULL"), sa.text("owner IS NOT NULL"), sa.text("open")
    op.create_index("change_head_ready", "change_head", ["ready_at"], sqlite_where=ready)
    op.create_index("change_head_owner", "change_head", ["owner"], sqlite_where=owned)
    op.create_index(
        "change_head_one_open",
        "change_head",
        ["signal"],
        unique=True,
        sqlite_where=opened,
        postgresql_where=opened,
    )


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("change_id", sa.String, sa.ForeignKey("change_head.change_id"), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("prev", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.UniqueConstraint("change_id", "key"),
        sqlite_with_rowid=False,
    )
    notices = sa.text("kind = 'E_NOTICE_POSTED'")
    op.create_index("ledger_notices", "ledger", ["at"], sqlite_where=notices)
    op.create_table(
        "blob",
        sa.Column("ref", sa.String, primary_key=True),
        sa.Column("change_id", sa.String, sa.ForeignKey("change_head.change_id"), nullable=False, index=True),
        sa.Column("salt", sa.LargeBinary),
        sa.Column("text", sa.Text),
    )


def _memory() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("processed", sa.Boolean, nullable=False),
    )
    pending = sa.text("NOT processed")
    op.create_index("delivery_pending", "delivery", ["received_at"], sqlite_where=pending)
    op.create_table(
        "http_cache",
        sa.Column("credential", sa.String, primary_key=True),
        sa.Column("url", sa.String, primary_key=True),
        sa.Column("etag", sa.String, nullable=False),
        sa.Column("link", sa.String, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("used_at", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "bucket",
        sa.Column("lane", sa.String, primary_key=True),
        sa.Column("times", sa.Text, nullable=False),
    )
    op.create_table(
        "tally",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
