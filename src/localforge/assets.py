"""The files of releases: named as GitHub names them, written whole before anybody can see them, removed with their rows."""

import hashlib
import os
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from localforge.errors import FieldError, InvalidError
from localforge.forge import Forge
from localforge.store import assets
from localforge.store.assets import Asset
from localforge.store.database import Db
from localforge.store.releases import Release

# A whole upload is held in memory. GitHub takes 2 GiB.
LARGEST = 128 << 20
LONGEST_NAME = 255
_ODD = re.compile(r"[^A-Za-z0-9_+@~-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An upload. `name` is settled already."""

    uploader_id: int
    name: str
    label: str | None
    content_type: str
    content: bytes


def path(forge: Forge, asset_id: int) -> Path:
    """Where the bytes are."""
    return forge.state / "archives" / f"asset-{asset_id}"


def settled_name(name: str) -> str:
    """The name that an upload gets: runs of anything unusual are one dot, none at either end (`default` before it)."""
    settled = _ODD.sub(".", name).rstrip(".")
    return f"default{settled}" if settled[:1] in {"", "."} else settled


def check_name(db: Db, release_id: int, name: str, *, mine: int | None = None) -> None:
    """422 when the name is too long, or another asset than `mine` has it."""
    if len(name) > LONGEST_NAME:
        raise _refused("name", "custom", f"name is too long (maximum is {LONGEST_NAME} characters)")
    other = assets.named(db, release_id, name)
    if other is not None and other.id != mine:
        raise _refused("name", "already_exists")


def keep(forge: Forge, release: Release, sent: Sent) -> Asset:
    """Add a file to a release; 422 when it is empty or its name is taken."""
    if not sent.content:
        raise _refused("size", "custom", "size must be greater than or equal to 1")
    fresh = forge.state / "archives" / f".upload-{uuid.uuid4().hex}"
    fresh.parent.mkdir(exist_ok=True)
    try:
        with fresh.open("wb") as sink:
            sink.write(sent.content)
            sink.flush()
            os.fsync(sink.fileno())
        with forge.store.write() as tx:
            check_name(tx, release.id, sent.name)
            at = forge.clock()
            asset_id = tx.insert(
                "release_asset",
                repo_id=release.repo_id,
                release_id=release.id,
                uploader_id=sent.uploader_id,
                name=sent.name,
                label=sent.label,
                content_type=sent.content_type,
                size=len(sent.content),
                digest=f"sha256:{hashlib.sha256(sent.content).hexdigest()}",
                created_at=at,
                updated_at=at,
            )
            fresh.rename(path(forge, asset_id))
            kept = assets.by_id(tx, asset_id)
    finally:
        fresh.unlink(missing_ok=True)
    if kept is None:
        raise LookupError(f"asset {asset_id}")
    return kept


def drop(forge: Forge, rows: Iterable[Asset]) -> None:
    """Remove the files of rows that are gone."""
    for row in rows:
        path(forge, row.id).unlink(missing_ok=True)


def clear(forge: Forge) -> None:
    """Before anybody can upload: what uploads left that a killed process was receiving."""
    for rest in unfinished(forge):
        rest.unlink()


def unfinished(forge: Forge) -> list[Path]:
    """Files that are being received."""
    return sorted((forge.state / "archives").glob(".upload-*"))


def _refused(field: str, code: str, message: str | None = None) -> InvalidError:
    return InvalidError(
        errors=(FieldError(resource="ReleaseAsset", field=field, code=code, message=message),)
    )
