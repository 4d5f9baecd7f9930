"""One normalized fact from outside. Poll and webhook of the same fact give the same key."""

from dataclasses import dataclass
from enum import StrEnum

from penstock.core.ledger import canonical, sha256
from penstock.core.refs import ChangeId, Digest, RepoRef

TRUSTED_ASSOCIATIONS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""GitHub's `author_association` values whose holders the organization let in itself."""


_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no letter that looks like another."""


class ForgeEvent(StrEnum):
    """What the forge tells that can start work beside issues, by the names of its events."""

    WORKFLOW_RUN = "workflow_run"
    CHECK_RUN = "check_run"
    CODE_ALERT = "code_scanning_alert"
    DEPENDENCY_ALERT = "dependabot_alert"
    LEAK_ALERT = "secret_scanning_alert"


ALERTS = frozenset({ForgeEvent.CODE_ALERT, ForgeEvent.DEPENDENCY_ALERT, ForgeEvent.LEAK_ALERT})


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueSignal:
    """An open issue that carries (or lost) a label which claims it. `title` and `body` are untrusted text."""

    repo: RepoRef
    number: int
    title: str
    body: str
    labels: frozenset[str]
    author: str
    author_association: str
    open: bool

    @property
    def key(self) -> str:
        return f"issue:{self.repo.node_id}:{self.number}"

    @property
    def name(self) -> str:
        return f"{self.repo.full_name}#{self.number}"

    @property
    def wording(self) -> Digest:
        """What a newer version of the same signal would differ in."""
        return sha256(canonical([self.title, self.body]))


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSignal:
    """A person at the command line asks for one recipe over some repositories."""

    recipe: str
    title: str
    repos: tuple[RepoRef, ...]
    requester: str
    nonce: str

    @property
    def key(self) -> str:
        return f"request:{self.nonce}"

    @property
    def wording(self) -> Digest:
        return sha256(canonical([self.recipe, [repo.node_id for repo in self.repos]]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeSignal:
    """What is so at the forge, and no issue says: a workflow or another check fails on the default branch, an alert is open.

    `subject` stays the same while it is so: the workflow's id, the check's name, the alert's number. `occurrence` is the one
    time: the run's id, the commit that was checked; empty for an alert. `jobs` of a run: (name, status, conclusion). All texts
    are untrusted.
    """

    event: ForgeEvent
    repo: RepoRef
    subject: str
    occurrence: str = ""
    title: str
    body: str = ""
    author: str = ""
    branch: str = ""
    workflow: str = ""
    conclusion: str = ""
    severity: str | None = ""
    """As conditions know it; None where the forge has a word for it that they do not know."""
    path: str = ""
    jobs: tuple[tuple[str, str, str], ...] = ()

    @property
    def key(self) -> str:
        return f"{self.event}:{self.repo.node_id}:{self.subject}"

    @property
    def name(self) -> str:
        return f"{self.repo.full_name} {self.event} {self.handle}"

    @property
    def handle(self) -> str:
        """What people call it by: a run's own id rather than its workflow's."""
        return handle_of(self.event, self.subject, self.occurrence)

    @property
    def wording(self) -> Digest:
        """Of each occurrence another: a run that fails after an earlier one had its change is news."""
        return sha256(canonical([self.event, self.subject, self.occurrence]))

    @property
    def heading(self) -> str:
        """What its change is called. Who may read a repository need not know what its alerts say, so they are numbers."""
        match self.event:
            case ForgeEvent.WORKFLOW_RUN:
                return f"{self.workflow or 'A workflow'} fails on {self.branch}"
            case ForgeEvent.CHECK_RUN:
                return f"{self.subject} fails on {self.branch}"
            case ForgeEvent.CODE_ALERT:
                return f"Code scanning alert {self.subject}"
            case ForgeEvent.DEPENDENCY_ALERT:
                return f"Dependabot alert {self.subject}"
            case ForgeEvent.LEAK_ALERT:
                return f"Secret scanning alert {self.subject}"


def handle_of(event: ForgeEvent, subject: str, occurrence: str) -> str:
    return occurrence if event is ForgeEvent.WORKFLOW_RUN else subject


Signal = IssueSignal | RequestSignal | ForgeSignal


def claims(signal: IssueSignal, *, auto_claim: frozenset[str], ignore: frozenset[str]) -> bool:
    """Is this issue ours to work on: open, labelled for us, and not labelled away."""
    return signal.open and bool(signal.labels & auto_claim) and not signal.labels & ignore


def change_id(signal_key: str, earlier: int) -> ChangeId:
    """The id of the change that a signal starts, given how many it started before: two processes find the same."""
    number = int(sha256(canonical([signal_key, earlier])).removeprefix("sha256:"), 16)
    return ChangeId("c-" + "".join(_ALPHABET[number >> 5 * place & 31] for place in range(10)))
