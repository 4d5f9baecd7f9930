"""Raw events become signals, and signals changes. A poll and a webhook of the same fact give the same signal."""

from dataclasses import dataclass

from penstock.core.change.events import Created, Superseded
from penstock.core.change.journal import AlreadyOpen, Draft
from penstock.core.change.model import BEFORE_WRITING, ENDS, Change, IssueLink, Origin, Terms
from penstock.core.evidence import IssueFacts
from penstock.core.ledger import Break
from penstock.core.policy.rules import Policy
from penstock.core.refs import PENSTOCK, ChangeId, RepoRef
from penstock.core.routing.admission import Admission
from penstock.core.routing.agents import AgentKind
from penstock.core.routing.router import Ignored as Unrouted
from penstock.core.routing.router import Undecided
from penstock.core.signal import ForgeSignal, IssueSignal, RequestSignal, Signal, change_id, claims
from penstock.core.verdict import first_reason
from penstock.flows.driving import ChangeLog
from penstock.flows.hub import Hub
from penstock.flows.world import policy_text
from penstock.ports import NewTexts, Permanent


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    change: ChangeId
    superseded: ChangeId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    reason: str
    change: ChangeId | None = None
    """The open change that already answers the signal, if that is why."""
    held: bool = False
    """A guard holds it, or what routing it needs cannot be known: a later poll may find otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a new change records about how it was started."""

    policy: Policy
    hub: Hub
    single_credential: bool
    unsafe_sandbox: bool


def issue_signal(repo: RepoRef, issue: IssueFacts) -> IssueSignal:
    return IssueSignal(
        repo=repo,
        number=issue.number,
        title=issue.title,
        body=issue.body,
        labels=issue.labels,
        author=issue.author,
        author_association=issue.author_association,
        open=issue.open,
    )


def take_issue(
    log: ChangeLog, signal: IssueSignal, circumstances: Circumstances, *, ordered_by: str = ""
) -> Started | Ignored:
    """Start a change for an issue that claims us, or that a person orders by name (`ordered_by`)."""
    policy = circumstances.policy
    claimed = claims(
        signal, auto_claim=frozenset(policy.auto_claim_labels), ignore=frozenset(policy.ignore_labels)
    )
    if not claimed:
        return Ignored(reason=_why_not(signal, policy))
    if circumstances.hub.decides and (unrouted := _unrouted(circumstances.hub.admit(signal))):
        return unrouted
    return _take(log, signal, circumstances, requester=ordered_by or signal.author)


def take_forge_signal(
    log: ChangeLog, signal: ForgeSignal, circumstances: Circumstances, *, ordered_by: str = ""
) -> Started | Ignored:
    """Start a change for what the forge tells, where a rule routes it to an agent that proposes; else nothing makes it ours."""
    if not circumstances.hub.decides:
        return Ignored(
            reason="there are no routing rules, and without one nothing but labelled issues starts work"
        )
    answer = circumstances.hub.admit(signal)
    if unrouted := _unrouted(answer):
        return unrouted
    if isinstance(answer, Admission) and answer.first(AgentKind.SPECIALIST) is None:
        return Ignored(reason="nobody that it is routed to proposes: that takes a specialist that can run")
    return _take(log, signal, circumstances, requester=ordered_by or PENSTOCK.login)


def take_request(log: ChangeLog, signal: RequestSignal, circumstances: Circumstances) -> Started | Ignored:
    """Start the change that a person asked for at the command line."""
    return _take(log, signal, circumstances, requester=signal.requester)


def _unrouted(answer: Admission | Unrouted | Undecided) -> Ignored | None:
    """Why the rules let nobody work on it; None where they let somebody."""
    if not isinstance(answer, Admission):
        return Ignored(reason=answer.reason, held=isinstance(answer, Undecided))
    if answer.verdict.allows:
        return None
    return Ignored(reason=first_reason(answer.verdict), held=bool(answer.holder))


def _why_not(signal: IssueSignal, policy: Policy) -> str:
    if not signal.open:
        return "the issue is closed"
    if ignored := signal.labels & set(policy.ignore_labels):
        return f"the label {min(ignored)} keeps it from being worked on"
    return f"it has none of the labels that claim an issue ({', '.join(policy.auto_claim_labels)})"


def _take(
    log: ChangeLog, signal: Signal, circumstances: Circumstances, *, requester: str
) -> Started | Ignored:
    earlier = log.of_signal(signal.key)
    successor = change_id(signal.key, len(earlier))
    last = _last(log, earlier)
    superseded: ChangeId | None = None
    if last and last.state not in ENDS:
        if not _is_newer(signal, last) or last.state not in BEFORE_WRITING:
            return Ignored(reason="a change for it is already open", change=last.id)
        log.record(last.id, Draft(key=f"superseded:{successor}", event=Superseded(successor=successor)))
        superseded = last.id
    elif last and last.wording == signal.wording and _by_itself(signal, requester):
        return Ignored(reason="a change for just this has ended; a person can order another", change=last.id)
    texts = log.texts()
    event = _created(signal, circumstances, requester, texts)
    created = log.create(successor, Draft(key="created", event=event, blobs=texts.blobs))
    if isinstance(created, AlreadyOpen):
        return Ignored(reason="a change for it is already open", change=created.change)
    return Started(change=successor, superseded=superseded)


def _is_newer(signal: Signal, last: Change) -> bool:
    """Other words of an issue ask for something else. A workflow that fails once more asks for what is being done."""
    return last.wording != signal.wording and not isinstance(signal, ForgeSignal)


def _by_itself(signal: Signal, requester: str) -> bool:
    """Did no person order it."""
    match signal:
        case IssueSignal():
            return requester == signal.author
        case ForgeSignal():
            return requester == PENSTOCK.login
        case RequestSignal():
            return False


def _last(log: ChangeLog, earlier: tuple[ChangeId, ...]) -> Change | None:
    if not earlier:
        return None
    change = log.change(earlier[-1])
    if isinstance(change, Break):
        raise Permanent("ledger", change.sentence)
    return change


def _created(signal: Signal, circumstances: Circumstances, requester: str, texts: NewTexts) -> Created:
    policy = circumstances.policy
    request = signal if isinstance(signal, RequestSignal) else None
    issue = signal if isinstance(signal, IssueSignal) else None
    told = signal if isinstance(signal, ForgeSignal) else None
    return Created(
        signal=signal.key,
        issue=IssueLink(repo=issue.repo, number=issue.number) if issue else None,
        requester=requester,
        recipe=request.recipe if request else "",
        targets=request.repos if request else (told.repo,) if told else (),
        terms=terms_of(policy),
        policy=texts.put(policy_text(policy)),
        title=texts.put(signal.heading if isinstance(signal, ForgeSignal) else signal.title),
        wording=signal.wording,
        single_credential=circumstances.single_credential,
        unsafe_sandbox=circumstances.unsafe_sandbox,
        origin=_origin(told) if told else None,
    )


def _origin(signal: ForgeSignal) -> Origin:
    return Origin(event=signal.event, repo=signal.repo, subject=signal.subject, occurrence=signal.occurrence)


def terms_of(policy: Policy) -> Terms:
    return Terms(
        mode=policy.mode,
        verify=policy.ci.verify,
        merge_method=policy.merge_method,
        quorum=policy.required_reviews,
        auto_fix_attempts=policy.auto_fix_attempts,
        watch=policy.rollback_on_failure,
    )
