"""What a change is at one moment: the projection of its log."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from penstock.core.approval import Approval, ApprovalScope, approvers, policy_approval
from penstock.core.policy.rules import MergeMethod, Mode, Tier, Verify
from penstock.core.proposal import PatchSet
from penstock.core.refs import BlobRef, ChangeId, Digest, NodeId, RepoRef, Sha
from penstock.core.signal import ForgeEvent, handle_of
from penstock.core.verdict import Outcome

NO_WORDING = Digest("")


class State(StrEnum):
    """The states of governance.md, by their documented names."""

    INGESTED = "INGESTED"
    TRIAGED = "TRIAGED"
    PLANNED = "PLANNED"
    PATCHES_PROPOSED = "PATCHES_PROPOSED"
    WAITING_USER_APPROVAL = "WAITING_USER_APPROVAL"
    APPLYING_PATCHES = "APPLYING_PATCHES"
    PR_OPEN = "PR_OPEN"
    VERIFYING_CI = "VERIFYING_CI"
    MERGING = "MERGING"
    DONE = "DONE"
    DEFERRED = "DEFERRED"
    DECLINED = "DECLINED"
    NEEDS_HUMAN = "NEEDS_HUMAN"
    BLOCKED_POLICY = "BLOCKED_POLICY"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"


ENDS = frozenset({State.DONE, State.DECLINED, State.FAILED, State.CANCELLED, State.ROLLED_BACK})
"""Nothing is written to a repository's content from here, except that what was merged may still be rolled back."""

BEFORE_WRITING = frozenset(
    {
        State.INGESTED,
        State.DEFERRED,
        State.TRIAGED,
        State.PLANNED,
        State.PATCHES_PROPOSED,
        State.WAITING_USER_APPROVAL,
    }
)
OPEN = frozenset(State) - ENDS


class Action(StrEnum):
    """Every kind of external write that a change can ask for."""

    BRANCH = "branch"
    PULL_REQUEST = "pull_request"
    ROLLBACK_POINT = "rollback_point"
    MERGE = "merge"
    WITHDRAW = "withdraw"
    RERUN = "rerun"
    COMMENT = "comment"
    CLOSE_ISSUE = "close_issue"


class LegName(StrEnum):
    """FORWARD carries the change; INVERSE carries its exact inverse in a rollback."""

    FORWARD = "forward"
    INVERSE = "inverse"


class Watched(StrEnum):
    """How far the watch over a merge is: the checks of what was merged, then whether it stays. Only STOOD proves anything;
    GIVEN_UP: it could not be looked at."""

    CHECKS = "checks"
    STAYS = "stays"
    STOOD = "stood"
    GIVEN_UP = "given_up"


class Role(StrEnum):
    PRIMARY = "primary"
    SECONDARY = "secondary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What of the policy the state machine itself decides by, pinned when the change is created."""

    mode: Mode
    verify: Verify
    merge_method: MergeMethod
    quorum: int
    auto_fix_attempts: int
    max_rounds: int = 3
    max_failures: int = 12
    max_updates: int = 5
    """How often one branch is brought up to date with its base before a person is asked."""
    watch: bool = False
    """Is what was merged watched, and the change taken back where it broke a check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueLink:
    """The issue that a change answers."""

    repo: RepoRef
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What at the forge a change answers, where that is no issue (see `ForgeSignal`)."""

    event: ForgeEvent
    repo: RepoRef
    subject: str
    occurrence: str

    @property
    def name(self) -> str:
        return f"{self.repo.full_name} {self.event} {handle_of(self.event, self.subject, self.occurrence)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePreview:
    """A merge as computed locally: onto this base commit, giving this tree; `digest` is what a person approves."""

    base_commit: Sha
    tree: Sha
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One branch, its pull request and its merge, in one repository."""

    head: Sha | None = None
    tree: Sha | None = None
    """Of `head`; None where that is to be brought up to date, and written anew whatever its tree is."""
    sent_back: bool = False
    """Was the patch set that `head` holds sent back, so that another one takes its place."""
    pull: int | None = None
    observed: bool = False
    looks: int = 0
    """How many facts about this leg's checks were recorded; part of the next observation's key."""
    preview: MergePreview | None = None
    """Set while verified: the merge that its green checks and current base allow."""
    before: MergePreview | None = None
    """The merge that was last offered, where its base has moved since: approvals of it may be carried over."""
    lacking: int = 0
    """How many approving reviews the base branch's protection still demands of its pull request."""
    marked: bool = False
    merged: Sha | None = None
    merged_tree: Sha | None = None
    rerun: datetime | None = None
    """Since when its checks are known to be older than what they were run with; they must run again."""
    withdrawn: bool = False
    intents: frozenset[Action] = frozenset()
    """Writes that were allowed and recorded, and whose outcome is not known yet."""
    subjects: frozenset[str] = frozenset()
    """What exactly was allowed (`write.subject_of`); another write of the same kind is decided on anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Operating failures of one repository's effects, or of the change's own.

    `tries` only grows and is part of the next effect's key; `failures` counts those in a row.
    """

    tries: int = 0
    failures: int = 0
    retry_at: datetime | None = None
    since: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One repository's way through a change. Lanes advance independently; the state waits for all of them."""

    repo: RepoRef
    role: Role
    base_ref: str
    wave: int
    proposed: bool = False
    patch_set: PatchSet | None = None
    """None once proposed means: the proposer leaves this repository as it is."""
    owners: tuple[tuple[str, ...], ...] = ()
    """Of each of these groups of code owners (logins, lower case), one must approve the patch set."""
    forward: Leg = Leg()
    inverse: Leg = Leg()
    rebased: PatchSet | None = None
    """The approved patch set that the present one is said to be the same as, on another base; until that is judged."""
    updates: int = 0
    """How often its base outran what was written, since a person last looked at it."""
    watched: Watched = Watched.CHECKS
    previous: Digest | None = None
    """Digest of the patch set that was sent back; getting the same again is no progress."""
    trouble: Trouble = Trouble()

    def leg(self, name: LegName) -> Leg:
        return self.forward if name is LegName.FORWARD else self.inverse

    @property
    def takes_part(self) -> bool:
        return self.patch_set is not None

    @property
    def is_applied(self) -> bool:
        """Does the change's branch hold the patch set's tree, or is it merged and needed no more."""
        written = self.patch_set is not None and self.forward.tree == self.patch_set.tree
        return written or self.forward.merged is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A generated document: its name and where its text is."""

    name: str
    text: BlobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRepo:
    """A repository that takes part: providers have lower waves than their dependents."""

    repo: RepoRef
    role: Role
    base_ref: str
    wave: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRun:
    """One execution of an agent: who, with what inputs (their digest), how long (milliseconds), how often repeated."""

    agent: str
    backend: str
    context: Digest
    duration_ms: int
    repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ViolationFact:
    """A breach by rule id; severity is `warn` or `block`."""

    repo: NodeId
    rule: str
    severity: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check as it counted: name and conclusion."""

    name: str
    conclusion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """A sibling repository's commit that the checks ran with."""

    repo: str
    commit: Sha


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One unit of work on one or more repositories. `n` counts its records; times come from them."""

    id: ChangeId
    n: int
    state: State
    since: datetime
    created_at: datetime
    updated_at: datetime
    signal: str
    issue: IssueLink | None
    requester: str
    recipe: str
    terms: Terms
    policy: BlobRef
    title: BlobRef
    wording: Digest = NO_WORDING
    """Digest of the signal's words as they were when it was taken; other words are a newer signal."""
    origin: Origin | None = None
    agent: str = ""
    """The agent that the routing rules chose; empty: the recipe acts for whoever asked for it."""
    targets: tuple[RepoRef, ...] = ()
    """Repositories that the requester named; empty lets the plan find them."""
    artifacts: tuple[Artifact, ...] = ()
    scope: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    """Protected paths (globs) that a person put in scope."""
    lanes: tuple[Lane, ...] = ()
    dependents: int | None = None
    """Known repositories outside this change that need what it changes; None where nobody knows."""
    generation: int = 0
    """Grows whenever work starts over (changes requested, a fix, a resume); part of every effect's key."""
    attempt: int = 0
    rounds: int = 0
    feedback: BlobRef | None = None
    tier: Tier | None = None
    judgement: BlobRef | None = None
    risk: BlobRef | None = None
    approvals: tuple[Approval, ...] = ()
    answered: frozenset[Digest] = frozenset()
    """What policy has approved or declined in a person's place: it is asked once, and a person's word stands after it."""
    revoked: int = 0
    """How many approvals were taken back; part of a later approval's id."""
    spent: frozenset[str] = frozenset()
    """Names of reviews whose approval was taken back or void: the same review never approves again."""
    resume_to: State | None = None
    reason: str = ""
    """The code of why it stands where it stands; empty while all is well."""
    detail: BlobRef | None = None
    wake_at: datetime | None = None
    ending: State | None = None
    """Where it ends once every branch and pull request it wrote is withdrawn."""
    rollback: bool = False
    """A person ordered that what merges in spite of the order to stop is taken back, too."""
    hurdles: int = 0
    """How often something stood in the way of its ending."""
    noticed: frozenset[str] = frozenset()
    """Keys of notices posted or given up."""
    intents: frozenset[str] = frozenset()
    """Keys of notices that were allowed and recorded, and whose outcome is not known yet."""
    trouble: Trouble = Trouble()
    refused: int = 0
    """How many records of the log were refused as not fitting the state they met."""

    def lane(self, repo: NodeId) -> Lane | None:
        return next((lane for lane in self.lanes if lane.repo.node_id == repo), None)

    @property
    def shipping(self) -> tuple[Lane, ...]:
        """The lanes whose repositories change, providers first."""
        return tuple(sorted((lane for lane in self.lanes if lane.takes_part), key=lambda lane: lane.wave))

    @property
    def any_merged(self) -> bool:
        return any(lane.forward.merged for lane in self.lanes)

    @property
    def wave(self) -> int | None:
        """The first wave that has an unmerged repository; None when all are merged."""
        return min((lane.wave for lane in self.shipping if not lane.forward.merged), default=None)

    @property
    def unreviewed(self) -> tuple[Lane, ...]:
        """Of those, whose branch demands a review that is not there: before that, none of them is merged."""
        return tuple(lane for lane in self.to_verify if lane.forward.preview and lane.forward.lacking)

    @property
    def to_verify(self) -> tuple[Lane, ...]:
        """The lanes whose checks decide now: joint verification reads all unmerged, staged only this wave."""
        unmerged = tuple(lane for lane in self.shipping if not lane.forward.merged)
        if self.terms.verify is Verify.JOINT:
            return unmerged
        return tuple(lane for lane in unmerged if lane.wave == self.wave)

    def approved(self, digest: Digest, scope: ApprovalScope, now: datetime) -> bool:
        """By enough people or by policy in their place and, for a patch set, by an owner of everything in it."""
        people = approvers(self.approvals, scope, digest, now)
        enough = len(people) >= self.terms.quorum or policy_approval(self.approvals, scope, digest, now)
        return bool(enough) and self._owners_approved(digest, people)

    def _owners_approved(self, digest: Digest, people: frozenset[str]) -> bool:
        logins = {login.lower() for login in people}
        owned = (lane.owners for lane in self.lanes if lane.patch_set and lane.patch_set.digest == digest)
        return all(logins.intersection(group) for groups in owned for group in groups)
