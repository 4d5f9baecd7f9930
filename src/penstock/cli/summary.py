"""Within an Actions job, what was decided is told in its step summary, too."""

from datetime import datetime
from pathlib import Path

from penstock.bootstrap import Installation
from penstock.core.change.events import Entry, TapDecided
from penstock.core.change.model import Change
from penstock.core.ledger import moment
from penstock.core.verdict import Verdict, escaped, render_markdown
from penstock.flows.shaping import as_verdict
from penstock.flows.views import text_of
from penstock.flows.words import disarmed
from penstock.ports import Texts
from penstock.settings import surroundings

MOST = 512 << 10
"""Bytes; the forge shows one MiB of a step's summary, and none of a longer one (GitHub Docs, "Workflow commands")."""


def _place() -> Path | None:
    named = surroundings().get("GITHUB_STEP_SUMMARY", "")
    return Path(named) if named else None


def add_decisions(home: Installation, since: datetime) -> None:
    """Every decision that was recorded since then, with its verdict; nothing outside of a job."""
    place = _place()
    if place is None:
        return
    texts = home.store.texts()
    told = [
        _decision(change, entry, entry.event, texts)
        for head in home.store.heads()
        if isinstance(change := home.store.change(head.change), Change) and change.updated_at >= since
        for entry in home.store.reader.entries(change.id)
        if isinstance(entry.event, TapDecided) and entry.at >= since
    ]
    _append(place, "# TAP decisions", told)


def add_verdict(title: str, verdict: Verdict) -> None:
    """One verdict under a title of ours; nothing outside of a job."""
    place = _place()
    if place is not None:
        _append(place, f"# {escaped(title)}", [disarmed(render_markdown(verdict))])


def _decision(change: Change, entry: Entry, event: TapDecided, texts: Texts) -> str:
    lane = change.lane(event.repo) if event.repo else None
    where = lane.repo.full_name if lane else "the issue"
    answer = "allowed" if event.allowed else "not allowed"
    verdict = as_verdict(text_of(texts, event.verdict))
    tree = disarmed(render_markdown(verdict)) if verdict else "its verdict was erased"
    name = f"`{event.decision}`, {moment(entry.at)}, change `{change.id}`, record {entry.n}"
    return f"## {event.action} in {escaped(where)}: {answer}\n\n{name}\n\n{tree}"


def _append(place: Path, heading: str, parts: list[str]) -> None:
    text, room = f"{heading}\n\n", MOST
    for number, part in enumerate(parts):
        room -= len(part.encode())
        if room < 0:
            text += f"{len(parts) - number} more are in the ledger.\n"
            break
        text += f"{part}\n\n"
    with place.open("a", encoding="utf-8") as file:
        file.write(text)
