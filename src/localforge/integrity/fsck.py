"""Do repositories and database agree? Every ref change settled, every pull request and commit there, objects whole."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from localforge import assets
from localforge.forge import Forge
from localforge.integrity import database, repositories
from localforge.integrity.findings import Finding, Report
from localforge.integrity.repositories import Subject
from localforge.store import archives

AT_A_TIME = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    id: int
    name: str


def examine(forge: Forge) -> Report:
    """Look at everything and change nothing. Nobody else may be writing meanwhile."""
    db = forge.store.db
    rows = db.all(
        _Named,
        "SELECT repository.id, account.login || '/' || repository.name AS name FROM repository"
        " JOIN account ON account.id = repository.owner_id ORDER BY repository.id",
    )
    names = {row.id: row.name for row in rows}
    expected: dict[int, dict[str, str]] = {repo_id: {} for repo_id in names}
    for (repo_id, ref), sha in database.expected_refs(db).items():
        expected[repo_id][ref] = sha
    subjects = [Subject(forge=forge, id=row.id, name=row.name, expected=expected[row.id]) for row in rows]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        of_repositories = pool.map(lambda subject: list(repositories.examine(subject)), subjects)
        findings = [
            *database.examine(db, names),
            *(finding for group in of_repositories for finding in group),
            *_archives(forge),
            *_strays(forge, names),
        ]
    return Report(repositories=len(rows), findings=findings)


def _archives(forge: Forge) -> Iterator[Finding]:
    for name in archives.ready_files(forge.store.db):
        if not (forge.state / "archives" / name).exists():
            yield Finding(code="archive", where=f"archives/{name}", detail="its bytes are missing")


def sweep(forge: Forge) -> None:
    """Remove what does no harm and takes space: directories without a repository, objects half written."""
    assets.clear(forge)
    known = set(forge.store.db.column(int, "SELECT id FROM repository"))
    for path in (forge.state / "git").iterdir():
        if not path.stem.isdecimal() or int(path.stem) not in known:
            shutil.rmtree(path)
            continue
        for pattern in ("tmp_objdir-*", "*/tmp_obj_*", "pack/tmp_*"):
            for rest in (path / "objects").glob(pattern):
                shutil.rmtree(rest) if rest.is_dir() else rest.unlink()


def _strays(forge: Forge, names: dict[int, str]) -> Iterator[Finding]:
    for path in sorted((forge.state / "git").iterdir()):
        if not path.stem.isdecimal() or int(path.stem) not in names:
            yield Finding(code="leftover", where=f"git/{path.name}", detail="belongs to no repository")
    for path in assets.unfinished(forge):
        yield Finding(code="leftover", where=f"archives/{path.name}", detail="an upload that did not end")
