"""Variables and secrets of Actions: a repository's own, and an organization's for the repositories that may see them.

A secret is kept as it came: sealed for the forge's key (see `actions.sealing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from localforge.store.database import Db, Tx
from localforge.store.repos import Repository

_COLUMNS = """
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        org_id INTEGER REFERENCES account ON DELETE CASCADE,
        repo_id INTEGER REFERENCES repository ON DELETE CASCADE,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        visibility TEXT NOT NULL DEFAULT 'all',
        selected JSON NOT NULL DEFAULT '[]',
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
"""
DDL = (
    f"CREATE TABLE IF NOT EXISTS action_variable ({_COLUMNS})",
    f"CREATE TABLE IF NOT EXISTS action_secret ({_COLUMNS})",
    """
    CREATE UNIQUE INDEX IF NOT EXISTS action_variable_name
    ON action_variable (coalesce(org_id, 0), coalesce(repo_id, 0), name)
    """,
    """
    CREATE UNIQUE INDEX IF NOT EXISTS action_secret_name
    ON action_secret (coalesce(org_id, 0), coalesce(repo_id, 0), name)
    """,
)

Visibility = Literal["all", "private", "selected"]
VISIBILITIES: tuple[Visibility, ...] = ("all", "private", "selected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A named value; names are in upper case. `visibility` and `selected` (repository ids) are an organization's."""

    id: int
    org_id: int | None
    repo_id: int | None
    name: str
    value: str
    visibility: Visibility
    selected: Sequence[int]
    created_at: str
    updated_at: str

    def reaches(self, repo: Repository) -> bool:
        """Whether jobs of the repository get it."""
        if self.repo_id is not None or self.visibility == "all":
            return True
        return repo.private if self.visibility == "private" else repo.id in self.selected


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret(Variable):
    """The same with a sealed value, in base64."""


V = TypeVar("V", bound=Variable)


def _table(kind: type[V]) -> str:
    return "action_secret" if issubclass(kind, Secret) else "action_variable"


def of_repo(db: Db, kind: type[V], repo_id: int) -> list[V]:
    """The repository's own, by name."""
    return db.all(kind, f"SELECT * FROM {_table(kind)} WHERE repo_id = ? ORDER BY name", repo_id)  # noqa: S608 (ours)


def of_org(db: Db, kind: type[V], org_id: int) -> list[V]:
    """The organization's, by name."""
    return db.all(kind, f"SELECT * FROM {_table(kind)} WHERE org_id = ? ORDER BY name", org_id)  # noqa: S608 (ours)


def reaching(db: Db, kind: type[V], repo: Repository) -> dict[str, str]:
    """What jobs of the repository get, by name: the organization's, then the repository's own over them."""
    rows = [*of_org(db, kind, repo.owner_id), *of_repo(db, kind, repo.id)]
    return {row.name: row.value for row in rows if row.reaches(repo)}


def named(db: Db, kind: type[V], repo_id: int, name: str) -> V | None:
    """The repository's own of this name, in any letter case."""
    statement = f"SELECT * FROM {_table(kind)} WHERE repo_id = ? AND name = ?"  # noqa: S608 (ours)
    return db.one(kind, statement, repo_id, name.upper())


def named_of_org(db: Db, kind: type[V], org_id: int, name: str) -> V | None:
    """The organization's of this name, in any letter case."""
    statement = f"SELECT * FROM {_table(kind)} WHERE org_id = ? AND name = ?"  # noqa: S608 (ours)
    return db.one(kind, statement, org_id, name.upper())


def put(tx: Tx, kind: type[V], repo_id: int, name: str, value: str, at: str) -> bool:
    """Set the repository's own; whether it is new."""
    present = named(tx, kind, repo_id, name)
    if present is None:
        tx.insert(_table(kind), repo_id=repo_id, name=name.upper(), value=value, created_at=at, updated_at=at)
    else:
        tx.update(_table(kind), present.id, value=value, updated_at=at)
    return present is None


def put_for_org(tx: Tx, kind: type[V], row: V) -> None:
    """Set an organization's; the row's id is not looked at."""
    tx.execute(f"DELETE FROM {_table(kind)} WHERE org_id = ? AND name = ?", row.org_id, row.name)  # noqa: S608 (ours)
    tx.insert(
        _table(kind),
        org_id=row.org_id,
        name=row.name,
        value=row.value,
        visibility=row.visibility,
        selected=list(row.selected),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def select(tx: Tx, kind: type[V], row: V, selected: Sequence[int], at: str) -> None:
    """Choose the repositories that get an organization's."""
    tx.update(_table(kind), row.id, selected=sorted(set(selected)), updated_at=at)


def rename(tx: Tx, variable: Variable, name: str, value: str, at: str) -> None:
    """Give a variable another name, value or both."""
    tx.update("action_variable", variable.id, name=name.upper(), value=value, updated_at=at)


def remove(tx: Tx, kind: type[V], row: V) -> None:
    """Forget it."""
    tx.execute(f"DELETE FROM {_table(kind)} WHERE id = ?", row.id)  # noqa: S608 (ours)
