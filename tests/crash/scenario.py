"""What the crash test disturbs: anything that can be prepared, driven by a process of its own, and looked at."""

import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from penstock.adapters.store.codec import encode
from penstock.adapters.store.store import Store
from penstock.core.refs import BlobRef, ChangeId
from penstock.flows.driving import Probe

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*[+Z][:\d]*")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """How a worker process drives. A lease is short, so that a frozen worker's ends within the test's patience."""

    effects_at_once: int = 1
    lease: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One record, times and salts aside. `lane` is its repository, or `-`."""

    lane: str
    kind: str
    key: str
    body: str


class Scenario(Protocol):
    """One change, in one folder. Must pickle: it is handed to processes."""

    def prepare(self, folder: Path) -> None:
        """Make the state directory and the world, with the change begun."""
        ...

    def work(self, folder: Path, drive: Drive, probe: Probe, stop: threading.Event) -> None:
        """Drive changes until told to stop; called in a process of its own."""
        ...

    def person(self, folder: Path, *, eager: bool = False) -> None:
        """Give whatever approval is waited for; called again and again. `eager`: everything twice."""
        ...

    def finished(self, folder: Path) -> bool: ...

    def end(self, folder: Path) -> None:
        """End whatever runs beside the worker."""
        ...

    def story(self, folder: Path) -> tuple[Line, ...]:
        """The ledger as it must come out every time, and proof that it verifies."""
        ...

    def writes(self, folder: Path) -> Counter[str]:
        """How often each thing was written to the world."""
        ...


def story_of(store: Store, change: ChangeId) -> tuple[Line, ...]:
    """A log with its times left out, and its texts in place of their salted names."""

    def told(found: re.Match[str]) -> str:
        return texts.get(BlobRef(found.group()), found.group())

    entries = store.reader.entries(change)
    texts = _texts(store)
    return tuple(
        Line(
            lane=str(getattr(entry.event, "repo", None) or "-"),
            kind=entry.event.kind,
            key=TIME.sub("<time>", entry.key),
            body=TIME.sub("<time>", DIGEST.sub(told, encode(entry.event))),
        )
        for entry in entries
    )


def _texts(store: Store) -> Mapping[BlobRef, str]:
    with store.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT ref, text FROM blob").all()
    return {BlobRef(row.ref): f"<text {row.text}>" for row in rows}


def by_lane(story: tuple[Line, ...]) -> dict[str, list[Line]]:
    """Repositories advance side by side, so only the order within each is the same every time."""
    lanes: dict[str, list[Line]] = {}
    for line in story:
        lanes.setdefault(line.lane, []).append(line)
    return lanes
