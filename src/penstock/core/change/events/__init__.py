"""Past-tense facts of a change's log. A kind that the documents name has that name.

Events hold ids, enums, numbers and names of texts (`BlobRef`), never a text itself; a repository's event
names it by node id. The codec at the store's edge reads them back by `kind`.
"""

from dataclasses import dataclass
from datetime import datetime

from penstock.core.change.events.proposing import ApprovalRecorded as ApprovalRecorded
from penstock.core.change.events.proposing import ApprovalRevoked as ApprovalRevoked
from penstock.core.change.events.proposing import ArtifactsReady as ArtifactsReady
from penstock.core.change.events.proposing import ChangesRequested as ChangesRequested
from penstock.core.change.events.proposing import Created as Created
from penstock.core.change.events.proposing import GatesEvaluated as GatesEvaluated
from penstock.core.change.events.proposing import OwnersNeeded as OwnersNeeded
from penstock.core.change.events.proposing import PatchSetRejected as PatchSetRejected
from penstock.core.change.events.proposing import PatchSetsProposed as PatchSetsProposed
from penstock.core.change.events.proposing import PolicyDeclined as PolicyDeclined
from penstock.core.change.events.proposing import Superseded as Superseded
from penstock.core.change.events.proposing import Triage as Triage
from penstock.core.change.events.proposing import TriageDecided as TriageDecided
from penstock.core.change.events.proposing import Woken as Woken
from penstock.core.change.events.shipping import ApplyRefused as ApplyRefused
from penstock.core.change.events.shipping import ChecksRerun as ChecksRerun
from penstock.core.change.events.shipping import ChecksStale as ChecksStale
from penstock.core.change.events.shipping import CiFailed as CiFailed
from penstock.core.change.events.shipping import CiObserved as CiObserved
from penstock.core.change.events.shipping import CiPassed as CiPassed
from penstock.core.change.events.shipping import CiTimedOut as CiTimedOut
from penstock.core.change.events.shipping import HeadMoved as HeadMoved
from penstock.core.change.events.shipping import Merged as Merged
from penstock.core.change.events.shipping import MergeRefused as MergeRefused
from penstock.core.change.events.shipping import PatchesApplied as PatchesApplied
from penstock.core.change.events.shipping import PatchSetRebased as PatchSetRebased
from penstock.core.change.events.shipping import PullClosed as PullClosed
from penstock.core.change.events.shipping import PullOpened as PullOpened
from penstock.core.change.events.shipping import ReviewsObserved as ReviewsObserved
from penstock.core.change.events.shipping import RollbackPointPlaced as RollbackPointPlaced
from penstock.core.change.events.shipping import TapDecided as TapDecided
from penstock.core.change.events.shipping import Withdrawn as Withdrawn
from penstock.core.change.events.sidings import Cancelled as Cancelled
from penstock.core.change.events.sidings import EffectFailed as EffectFailed
from penstock.core.change.events.sidings import Erased as Erased
from penstock.core.change.events.sidings import MergeStood as MergeStood
from penstock.core.change.events.sidings import NeedsHuman as NeedsHuman
from penstock.core.change.events.sidings import NoticePosted as NoticePosted
from penstock.core.change.events.sidings import PolicyBlocked as PolicyBlocked
from penstock.core.change.events.sidings import PostMergeFailed as PostMergeFailed
from penstock.core.change.events.sidings import Resumed as Resumed
from penstock.core.change.events.sidings import RollbackFailed as RollbackFailed
from penstock.core.change.events.sidings import WatchEnded as WatchEnded
from penstock.core.refs import ChangeId

Event = (
    Created
    | TriageDecided
    | Woken
    | ArtifactsReady
    | PatchSetsProposed
    | GatesEvaluated
    | ApprovalRecorded
    | PolicyDeclined
    | ApprovalRevoked
    | ChangesRequested
    | PatchSetRejected
    | Superseded
    | TapDecided
    | PatchesApplied
    | ApplyRefused
    | PatchSetRebased
    | PullOpened
    | CiObserved
    | CiPassed
    | ReviewsObserved
    | CiFailed
    | CiTimedOut
    | ChecksRerun
    | ChecksStale
    | HeadMoved
    | PullClosed
    | RollbackPointPlaced
    | Merged
    | MergeRefused
    | NoticePosted
    | Withdrawn
    | WatchEnded
    | MergeStood
    | PostMergeFailed
    | RollbackFailed
    | Cancelled
    | NeedsHuman
    | PolicyBlocked
    | Resumed
    | EffectFailed
    | Erased
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event in its place: record number, recorded time (UTC), and key, unique within the change."""

    change: ChangeId
    n: int
    at: datetime
    key: str
    event: Event
