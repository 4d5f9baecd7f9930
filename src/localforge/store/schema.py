"""The schema: every area declares its tables in its own module, listed here."""

from localforge.store import (
    accounts,
    actions,
    auto_merges,
    checks,
    hooks,
    invitations,
    issues,
    outbox,
    pulls,
    repos,
    statuses,
)

SCHEMA_VERSION = 1

AREAS = (accounts, repos, outbox, issues, pulls, statuses, checks, actions, hooks, invitations, auto_merges)

DDL: tuple[str, ...] = tuple(statement for area in AREAS for statement in area.DDL)
