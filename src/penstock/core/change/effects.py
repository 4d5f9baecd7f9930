"""What a change needs done next. Performing an effect yields an event; its key makes that happen once."""

from dataclasses import dataclass
from datetime import datetime

from penstock.core.approval import ApprovalScope
from penstock.core.change.model import Action, LegName
from penstock.core.refs import Digest, NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageSignal:
    key: str
    due: datetime | None = None
    repo: NodeId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    key: str
    due: datetime | None = None
    repo: NodeId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose:
    key: str
    repo: NodeId
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateGates:
    key: str
    due: datetime | None = None
    repo: NodeId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPolicy:
    """Decide whether policy approves this digest in a person's place."""

    key: str
    repo: NodeId
    scope: ApprovalScope
    digest: Digest
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """Take the TAP decision on one write and record it."""

    key: str
    action: Action
    repo: NodeId | None
    leg: LegName
    notice: str = ""
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Make one write that was decided on."""

    key: str
    action: Action
    repo: NodeId | None
    leg: LegName
    notice: str = ""
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe:
    """Look at a pull request and its checks. May find nothing new, which is no event."""

    key: str
    repo: NodeId
    leg: LegName
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Look at the checks of what was merged; with `until`, whether it is still there at that time, and now and then before.
    May find nothing new, which is no event."""

    key: str
    repo: NodeId
    due: datetime | None = None
    until: datetime | None = None


Effect = TriageSignal | Plan | Propose | EvaluateGates | AskPolicy | Decide | Write | Observe | Watch
