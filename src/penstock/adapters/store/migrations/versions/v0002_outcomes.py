"""An index over what can be an outcome of a change, for counting failures and merges without reading all records."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    kinds = (
        "'E_CANCELLED', 'E_CI_FAILED', 'E_MERGED', 'E_PATCH_SET_REJECTED', 'E_POST_MERGE_FAILED', 'E_RESUMED'"
    )
    op.create_index(
        "ledger_outcomes", "ledger", ["at", "change_id"], sqlite_where=sa.text(f"kind IN ({kinds})")
    )
