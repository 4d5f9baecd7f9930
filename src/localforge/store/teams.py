"""Teams of an organization, who is in them, and what they may do with repositories."""

from dataclasses import dataclass
from typing import Literal

from localforge.store.accounts import Account
from localforge.store.database import Db
from localforge.store.repos import Repository

DDL = (
    """
    CREATE TABLE IF NOT EXISTS team (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        org_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        parent_id INTEGER REFERENCES team ON DELETE SET NULL,
        slug TEXT NOT NULL COLLATE NOCASE,
        name TEXT NOT NULL,
        description TEXT,
        privacy TEXT NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        UNIQUE (org_id, slug)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS team_member (
        team_id INTEGER NOT NULL REFERENCES team ON DELETE CASCADE,
        user_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        role TEXT NOT NULL,
        PRIMARY KEY (team_id, user_id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS team_repository (
        team_id INTEGER NOT NULL REFERENCES team ON DELETE CASCADE,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        role TEXT NOT NULL,
        PRIMARY KEY (team_id, repo_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS team_repository_repo ON team_repository (repo_id)",
    "CREATE INDEX IF NOT EXISTS team_member_user ON team_member (user_id)",
)

TeamRole = Literal["member", "maintainer"]

# A team has the repositories of those above it, and the people of those below it (docs.github.com, "About teams").
_ABOVE = """
    WITH RECURSIVE above(id) AS (
        SELECT team_id FROM team_member WHERE user_id = ?1
        UNION SELECT team.parent_id FROM team JOIN above ON team.id = above.id WHERE team.parent_id IS NOT NULL
    )
"""
_ROLES = f"{_ABOVE} SELECT role FROM team_repository WHERE repo_id = ?2 AND team_id IN (SELECT id FROM above)"  # noqa: S608 (ours)
_NAMES = (
    f"{_ABOVE} SELECT account.login || '/' || team.slug FROM team JOIN account ON account.id = team.org_id"  # noqa: S608 (ours)
    " WHERE team.id IN (SELECT id FROM above)"
)
_PEOPLE = """
    WITH RECURSIVE below(id) AS (
        SELECT ?1 UNION SELECT team.id FROM team JOIN below ON team.parent_id = below.id
    )
    SELECT DISTINCT account.* FROM account JOIN team_member ON team_member.user_id = account.id
    WHERE team_member.team_id IN (SELECT id FROM below) ORDER BY account.login
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A team; `privacy` is `closed` (every member sees it) or `secret` (its own people and owners do)."""

    id: int
    org_id: int
    parent_id: int | None
    slug: str
    name: str
    description: str | None
    privacy: Literal["closed", "secret"]
    created_at: str
    updated_at: str


def by_id(db: Db, team_id: int) -> Team | None:
    """The team with this id."""
    return db.one(Team, "SELECT * FROM team WHERE id = ?", team_id)


def by_slug(db: Db, org_id: int, slug: str) -> Team | None:
    """The organization's team with this slug, in any letter case."""
    return db.one(Team, "SELECT * FROM team WHERE org_id = ? AND slug = ?", org_id, slug)


def of_org(db: Db, org_id: int) -> list[Team]:
    """The organization's teams, by slug."""
    return db.all(Team, "SELECT * FROM team WHERE org_id = ? ORDER BY slug", org_id)


def members(db: Db, team_id: int, role: str | None = None) -> list[Account]:
    """The team's people and those of teams below it, by login; `role` as they have it in the team itself."""
    if role:
        return db.all(
            Account,
            "SELECT account.* FROM account JOIN team_member ON team_member.user_id = account.id"
            " WHERE team_member.team_id = ? AND team_member.role = ? ORDER BY account.login",
            team_id,
            role,
        )
    return db.all(Account, _PEOPLE, team_id)


def roles_on(db: Db, repo_id: int, user_id: int) -> list[str]:
    """What the user's teams may do with the repository."""
    return db.column(str, _ROLES, user_id, repo_id)


def names_of(db: Db, user_id: int) -> list[str]:
    """The user's teams and those above them, as `org/slug`."""
    return db.column(str, _NAMES, user_id)


def on_repo(db: Db, repo_id: int) -> list[Team]:
    """The teams that were given a role on the repository."""
    return db.all(
        Team,
        "SELECT team.* FROM team JOIN team_repository ON team_repository.team_id = team.id"
        " WHERE team_repository.repo_id = ? ORDER BY team.slug",
        repo_id,
    )


def repositories(db: Db, team_id: int) -> list[Repository]:
    """The repositories that the team was given a role on."""
    return db.all(
        Repository,
        "SELECT repository.* FROM repository JOIN team_repository ON team_repository.repo_id = repository.id"
        " WHERE team_repository.team_id = ? ORDER BY repository.id",
        team_id,
    )


def named(db: Db, owner: str) -> Team | None:
    """The team that `org/slug` names."""
    org, _, slug = owner.partition("/")
    return db.one(
        Team,
        "SELECT team.* FROM team JOIN account ON account.id = team.org_id WHERE account.login = ? AND team.slug = ?",
        org,
        slug,
    )
