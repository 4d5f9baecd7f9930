"""What a signal is, as far as conditions can ask: one field for each name.

What a signal does not have is empty: "" and (), false, and for numbers NaN, which is unlike every number.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import nan

from penstock.core.document import Plain
from penstock.core.routing.names import EVENTS, LEVELS

RANKS = {level: float(rank) for rank, level in enumerate(LEVELS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Names are as at the forge; `repo` is `owner/name`. `unknown` are the fields that could not be known.

    Raises ValueError for a NUL in a text: who reads facts from outside takes them out (`clean`).
    """

    event: str
    action: str = ""
    repo: str = ""
    org: str = ""
    labels: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    branch: str = ""
    base: str = ""
    author: str = ""
    author_association: str = ""
    title: str = ""
    body: str = ""
    status: str = ""
    conclusion: str = ""
    job: str = ""
    workflow: str = ""
    severity: str = ""
    risk: str = ""
    draft: bool = False
    fork: bool = False
    age_hours: float = nan
    files_changed: float = nan
    additions: float = nan
    deletions: float = nan
    payload: Plain = field(default=None, repr=False)
    unknown: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if any("\0" in text for text in (*_texts(self), *self.labels, *self.paths)):
            raise ValueError("a fact holds a NUL")

    @property
    def kind(self) -> str:
        known = EVENTS.get(self.event)
        return known.kind if known else ""

    @property
    def severity_rank(self) -> float:
        return RANKS.get(self.severity, nan)

    @property
    def risk_rank(self) -> float:
        return RANKS.get(self.risk, nan)


def _texts(facts: Facts) -> Iterable[str]:
    return (
        facts.event,
        facts.action,
        facts.repo,
        facts.org,
        facts.branch,
        facts.base,
        facts.author,
        facts.author_association,
        facts.title,
        facts.body,
        facts.status,
        facts.conclusion,
        facts.job,
        facts.workflow,
        facts.severity,
        facts.risk,
    )


def clean(text: str) -> str:
    """Without NULs, which no name, path or label has at a forge."""
    return text.replace("\0", "\ufffd")


def at_path(payload: Plain, path: tuple[str, ...]) -> Plain:
    """What stands there; None where nothing does."""
    for part in path:
        if not isinstance(payload, dict):
            return None
        payload = payload.get(part)
    return payload
