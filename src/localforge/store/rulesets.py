"""Rulesets of a repository: rules for every branch that a condition takes in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from localforge.json_types import Json
from localforge.store.database import Db

DDL = (
    """
    CREATE TABLE IF NOT EXISTS ruleset (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        name TEXT NOT NULL,
        target TEXT NOT NULL,
        enforcement TEXT NOT NULL,
        include JSON NOT NULL,
        exclude JSON NOT NULL,
        bypass JSON NOT NULL,
        rules JSON NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        UNIQUE (repo_id, name)
    )
    """,
)

Enforcement = Literal["active", "evaluate", "disabled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruleset:
    """`include` and `exclude` are patterns of full ref names, `~ALL` or `~DEFAULT_BRANCH`; `rules` and `bypass` as GitHub writes them."""

    id: int
    repo_id: int
    name: str
    target: Literal["branch", "tag"]
    enforcement: Enforcement
    include: Sequence[str]
    exclude: Sequence[str]
    bypass: Sequence[Mapping[str, Json]]
    rules: Sequence[Mapping[str, Json]]
    created_at: str
    updated_at: str


def by_id(db: Db, ruleset_id: int) -> Ruleset | None:
    """The ruleset with this id."""
    return db.one(Ruleset, "SELECT * FROM ruleset WHERE id = ?", ruleset_id)


def of_repo(db: Db, repo_id: int) -> list[Ruleset]:
    """The repository's rulesets."""
    return db.all(Ruleset, "SELECT * FROM ruleset WHERE repo_id = ? ORDER BY id", repo_id)
