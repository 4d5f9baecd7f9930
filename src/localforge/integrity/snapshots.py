"""The whole forge kept under a name and brought back: its database copied, its objects linked, its refs copied.

A snapshot is `snapshots/NAME`: the database, and which kept copy each repository is (see `keeping`). Requests, pushes
and transactions are waited for and held up meanwhile. A restore that was killed is finished by the next start.
"""

import json
import os
import re
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from localforge.forge import Forge
from localforge.integrity.keeping import Keeper
from localforge.integrity.recovery import mend
from localforge.store import archives

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEPT = ".kept"


def names(forge: Forge) -> list[str]:
    """The snapshots that there are."""
    folder = forge.state / "snapshots"
    return (
        sorted(path.name for path in folder.iterdir() if _NAME.fullmatch(path.name))
        if folder.exists()
        else []
    )


def take(forge: Forge, name: str) -> None:
    """Keep the present state, whatever runs meanwhile; ValueError when the name is taken or no name."""
    target = _path(forge, name)
    if target.exists():
        raise ValueError(f"there is a snapshot {name} already")
    growing = forge.state / "snapshots" / f".new-{name}"
    shutil.rmtree(growing, ignore_errors=True)
    growing.mkdir(parents=True)
    with forge.gate.alone(), forge.store.quiet():
        forge.store.copy_to(growing / "forge.sqlite")
        (growing / "repositories.json").write_text(json.dumps(_keeper(forge).keep()))
        _link(forge.state / "archives", growing / "archives", archives.ready_files(forge.store.db))
    growing.rename(target)


def restore(forge: Forge, name: str) -> None:
    """Bring a kept state back; running jobs begin anew, as after a restart. ValueError when there is no such snapshot."""
    _existing(forge, name)
    with forge.paused():
        with forge.gate.alone(), forge.store.quiet():
            _marker(forge).write_text(f"{name}\n")
            _exchange(forge, name)
        mend(forge, killed=False)
    shutil.rmtree(_aside(forge), ignore_errors=True)


def finish(forge: Forge) -> None:
    """At the start: a restore that was killed is done again, before anything else."""
    if _marker(forge).exists():
        with forge.store.quiet():
            _exchange(forge, _marker(forge).read_text().strip())
    shutil.rmtree(_aside(forge), ignore_errors=True)


def remove(forge: Forge, name: str) -> None:
    """Forget a snapshot, and the copies that no other needs; ValueError when there is none."""
    shutil.rmtree(_existing(forge, name))
    needed = {copy for other in names(forge) for copy in _repositories(_path(forge, other)).values()}
    with forge.gate.alone(), forge.store.quiet():
        _keeper(forge).forget_all_but(needed)


def _path(forge: Forge, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ValueError("a snapshot's name has at most 64 letters, digits, dots, hyphens and underscores")
    return forge.state / "snapshots" / name


def _existing(forge: Forge, name: str) -> Path:
    path = _path(forge, name)
    if not path.is_dir():
        raise ValueError(f"there is no snapshot {name}")
    return path


def _repositories(snapshot: Path) -> dict[str, str]:
    kept: dict[str, str] = json.loads((snapshot / "repositories.json").read_text())
    return kept


def _keeper(forge: Forge) -> Keeper:
    return Keeper(forge.state / "git", forge.state / "snapshots" / _KEPT)


def _marker(forge: Forge) -> Path:
    return forge.state / "restoring"


def _aside(forge: Forge) -> Path:
    return forge.state / "git.old"


def _exchange(forge: Forge, name: str) -> None:
    """Put the kept state in the place of the present one. Can be done again from any point of it."""
    snapshot = _existing(forge, name)
    forge.let_go()
    _keeper(forge).bring_back(_repositories(snapshot), _aside(forge))
    _bring_archives(forge, snapshot / "archives")
    forge.store.replace_from(snapshot / "forge.sqlite")
    forge.limiter.forget()
    _marker(forge).unlink()


def _bring_archives(forge: Forge, kept: Path) -> None:
    """Artifacts and caches; an upload that was under way has to begin anew, as after a restart."""
    present, fresh = forge.state / "archives", _aside(forge) / uuid.uuid4().hex
    _link(kept, fresh, [path.name for path in kept.iterdir()])
    if present.exists():
        present.rename(_aside(forge) / uuid.uuid4().hex)
    fresh.rename(present)


def _link(source: Path, target: Path, files: Sequence[str]) -> None:
    target.mkdir()
    for name in files:
        if (source / name).exists():
            os.link(source / name, target / name)
