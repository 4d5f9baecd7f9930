"""The bytes of artifacts and caches: one file each below the state directory, written in pieces, read in pieces.

A file without a row means nothing and is swept away when the runner starts; an upload that never became ready goes too.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from localforge.errors import ConflictError, ForbiddenError, InvalidError, TooLargeError
from localforge.forge import Forge
from localforge.git import refnames
from localforge.moment import FORMAT, from_epoch, to_epoch
from localforge.store import archives
from localforge.store.actions import RunRow
from localforge.store.archives import Artifact, Cache
from localforge.store.database import Db, Tx

PIECE = 8 << 20
LARGEST_ARTIFACT = 512 << 20
LARGEST_CACHES = 2 << 30
LARGEST_REPOSITORY = 5 << 30
LONGEST_UPLOAD_SECONDS = 900
LONGEST_KEY = 512
DEFAULT_DAYS = 90

Archive = Artifact | Cache


def path(forge: Forge, row: Archive) -> Path:
    """Where its bytes are."""
    kind = "artifact" if isinstance(row, Artifact) else "cache"
    return forge.state / "archives" / f"{kind}-{row.id}"


def append(forge: Forge, row: Archive, offset: int, data: bytes) -> None:
    """The next piece. 409 when it is not the next, or all of them have come; 413 when it is too much."""
    file = path(forge, row)
    file.parent.mkdir(exist_ok=True)
    size = file.stat().st_size if file.exists() else 0
    if row.ready or offset != size:
        raise ConflictError(f"The next piece begins at {size}")
    if size + len(data) > LARGEST_ARTIFACT:
        raise TooLargeError(f"At most {LARGEST_ARTIFACT >> 20} MB can be kept")
    if _held(forge, row.repo_id) + len(data) > LARGEST_REPOSITORY:
        raise ForbiddenError("Artifact storage quota has been hit. Unable to upload any new artifacts.")
    with file.open("ab") as sink:
        sink.write(data)


def _held(forge: Forge, repo_id: int) -> int:
    """How many bytes the repository has here, unfinished uploads too."""
    folder, held = forge.state / "archives", 0
    for kind, table in (("artifact", "artifact"), ("cache", "action_cache")):
        statement = f"SELECT id FROM {table} WHERE repo_id = ?"  # noqa: S608 (ours)
        for number in forge.store.db.column(int, statement, repo_id):
            file = folder / f"{kind}-{number}"
            held += file.stat().st_size if file.exists() else 0
    return held


def piece(forge: Forge, row: Archive, offset: int) -> bytes:
    """Some bytes from here on; none at the end."""
    with path(forge, row).open("rb") as source:
        source.seek(offset)
        return source.read(PIECE)


def begin_artifact(forge: Forge, run: RunRow, name: str, days: int, *, overwrite: bool) -> int:
    """Room for an artifact of this run; 409 when the attempt has one of this name already."""
    if not name or len(name) > 255 or set(name) & set('\x00"/\\:<>|*?\r\n'):
        raise InvalidError(f"The artifact name is not valid: {name!r:.80}")
    kept = DEFAULT_DAYS if days == 0 else max(1, min(days, DEFAULT_DAYS))
    at = forge.clock()
    end = datetime.fromisoformat(at).astimezone(UTC) + timedelta(days=kept)
    same = [
        row
        for row in archives.artifacts_of_run(forge.store.db, run.id)
        if row.name == name and row.attempt == run.attempt
    ]
    if same and not overwrite:
        raise ConflictError("an artifact with this name already exists on the workflow run")
    with forge.store.write() as tx:
        for row in same:
            archives.remove(tx, row)
        artifact_id = tx.insert(
            "artifact",
            repo_id=run.repo_id,
            run_id=run.id,
            attempt=run.attempt,
            name=name,
            created_at=at,
            updated_at=at,
            expires_at=end.strftime(FORMAT),
        )
    drop_files(forge, same)
    return artifact_id


def finish_artifact(forge: Forge, row: Artifact) -> Artifact:
    """All pieces have come."""
    file = path(forge, row)
    with file.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    with forge.store.write() as tx:
        size = file.stat().st_size
        tx.update(
            "artifact", row.id, ready=True, size=size, digest=f"sha256:{digest}", updated_at=forge.clock()
        )
        return archives.artifact(tx, row.id) or row


def scopes(forge: Forge, run: RunRow) -> list[str]:
    """The refs whose caches a run finds, nearest first: its own, the base branch's, the default branch's."""
    default = refnames.BRANCH + refnames.head_branch(forge.git(run.repo_id))
    base = [refnames.BRANCH + run.base_branch] if run.base_branch else []
    return list(dict.fromkeys([run.ref, *base, default]))


def find_cache(forge: Forge, run: RunRow, keys: Sequence[str], version: str) -> Cache | None:
    """The cache that the keys find for this run; it counts as used now."""
    with forge.store.write() as tx:
        row = archives.found_cache(tx, run.repo_id, scopes(forge, run), keys, version)
        if row is not None:
            tx.update("action_cache", row.id, last_accessed_at=forge.clock())
        return row


def begin_cache(forge: Forge, run: RunRow, key: str, version: str) -> int:
    """Room for a cache in the run's own ref; 409 when the key is taken there."""
    if not key or len(key) > LONGEST_KEY or "," in key:
        raise InvalidError(f"Key Validation Error: {key!r:.80} cannot contain commas or be longer than 512.")
    at = forge.clock()
    dead = from_epoch(to_epoch(at) - LONGEST_UPLOAD_SECONDS)
    with forge.store.write() as tx:
        tx.execute("DELETE FROM action_cache WHERE NOT ready AND created_at < ?", dead)
        if archives.reserved_cache(tx, run.repo_id, run.ref, key, version):
            raise ConflictError("Unable to reserve cache: another job may be creating this cache")
        return tx.insert(
            "action_cache",
            repo_id=run.repo_id,
            ref=run.ref,
            key=key,
            version=version,
            created_at=at,
            last_accessed_at=at,
        )


def finish_cache(forge: Forge, row: Cache) -> Cache:
    """All pieces have come; what was not used for longest makes room."""
    with forge.store.write() as tx:
        tx.update("action_cache", row.id, ready=True, size=path(forge, row).stat().st_size)
        evicted = _evicted(tx, row.repo_id)
        for old in evicted:
            archives.remove(tx, old)
        done = archives.cache(tx, row.id) or row
    drop_files(forge, evicted)
    return done


def _evicted(db: Db, repo_id: int) -> list[Cache]:
    rows = sorted(archives.caches(db, repo_id), key=lambda row: (row.last_accessed_at, row.id), reverse=True)
    kept, size = 0, 0
    for row in rows:
        size += row.size
        if size > LARGEST_CACHES and kept:
            break
        kept += 1
    return rows[kept:]


def forget(forge: Forge, rows: Sequence[Archive]) -> None:
    """Remove rows and files."""
    with forge.store.write() as tx:
        for row in rows:
            archives.remove(tx, row)
    drop_files(forge, rows)


def drop_files(forge: Forge, rows: Sequence[Archive]) -> None:
    """Remove the files of rows that are gone."""
    for row in rows:
        path(forge, row).unlink(missing_ok=True)


def sweep(forge: Forge, tx: Tx) -> None:
    """At the start: uploads that a dead process left, and files whose rows are gone."""
    tx.execute("DELETE FROM artifact WHERE NOT ready")
    tx.execute("DELETE FROM action_cache WHERE NOT ready")
    known = set(archives.ready_files(tx))
    for file in (forge.state / "archives").glob("[!.]*-*"):
        if file.name not in known:
            file.unlink()
