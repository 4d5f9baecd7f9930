"""The schema: every area declares its tables in its own module, listed here."""

from localforge.store import (
    accounts,
    actions,
    alerts,
    apps,
    archives,
    assets,
    auto_merges,
    checks,
    hooks,
    invitations,
    issues,
    outbox,
    pulls,
    reactions,
    releases,
    repos,
    rulesets,
    scanning,
    statuses,
    teams,
    timetable,
    variables,
)

SCHEMA_VERSION = 2

AREAS = (
    accounts,
    repos,
    apps,
    teams,
    invitations,
    outbox,
    issues,
    pulls,
    auto_merges,
    reactions,
    releases,
    assets,
    rulesets,
    statuses,
    checks,
    actions,
    hooks,
    variables,
    timetable,
    archives,
    scanning,
    alerts,
)

DDL: tuple[str, ...] = tuple(statement for area in AREAS for statement in area.DDL)
