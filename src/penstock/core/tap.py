"""TAP: Policy > Authority > Truth. One decision on one write, from facts that were re-read now.

Policy: do the rules allow it. Authority: may this actor, in this mode and at this risk. Truth: do checks, gates,
heads and digests hold at this moment. Any "no" or "don't know" denies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from penstock.core.approval import Approval, ApprovalScope, judge_approvals
from penstock.core.ledger import canonical, moment, plain, sha256
from penstock.core.policy.rules import Toggles
from penstock.core.refs import ChangeId, Digest, RepoRef, Sha
from penstock.core.verdict import ALLOWING, Outcome, Verdict, all_of, check, leaves, passed, refusing


@dataclass(frozen=True, slots=True, kw_only=True)
class TapDecision:
    """The verdicts on `subject` (see `write.subject_of`), under the policy whose digest is named."""

    subject: str
    policy: Verdict
    authority: Verdict
    truth: Verdict
    policy_digest: Digest
    approvals: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        return all_of("TAP", (self.policy, self.authority, self.truth))

    @property
    def digest(self) -> Digest:
        return sha256(
            canonical([self.subject, plain(self.verdict), self.policy_digest, list(self.approvals)])
        )

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules that kept it from allowing."""
        return tuple(dict.fromkeys(node.rule for node in refusing(self.verdict)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of a decision's three verdicts, as a record has it: what came of it, and the rules that were asked."""

    outcome: Outcome
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TapRecord:
    """A decision as it is told to others, signed. Made of what was decided, and never decided by.

    `subject` is the digest of the patch set that was approved, `head` the commit that carries it, and `repository` that
    commit's place, by node id. It speaks for that head until `expires_at`, which is the first of its approvals to end.
    """

    id: Digest
    change: ChangeId
    action: str
    repository: str
    subject: Digest
    head: Sha
    policy: Part
    authority: Part
    truth: Part
    policy_digest: Digest
    approvals: tuple[str, ...]
    at: datetime
    expires_at: datetime


RECORD_TYPE = "application/vnd.penstock.tap-record.v1+json"


def part_of(verdict: Verdict) -> Part:
    return Part(outcome=verdict.outcome, rules=tuple(dict.fromkeys(leaf.rule for leaf in leaves(verdict))))


def place_of(repo: RepoRef) -> str:
    """A repository as records name it: it stays the same through renames."""
    return f"{repo.forge}/{repo.node_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a record is held against, as it is now. `repository` None: whoever asks knows the head, not whose it is."""

    head: Sha
    policy_digest: Digest
    now: datetime
    repository: str | None = None


def judge_record(record: TapRecord, expected: Expected) -> Verdict:
    """Does a record whose signature holds still speak for this head, under this policy, now."""
    parts = {"policy": record.policy, "authority": record.authority, "truth": record.truth}
    place = (
        ()
        if expected.repository is None
        else (
            check(
                "repository",
                f"it is about {record.repository}",
                holds=record.repository == expected.repository,
            ),
        )
    )
    return all_of(
        "record",
        (
            *(
                check(name, f"{name}: {part.outcome.value}", holds=part.outcome in ALLOWING)
                for name, part in parts.items()
            ),
            *place,
            check(
                "head",
                f"decided for {record.head}, asked of {expected.head}",
                holds=record.head == expected.head,
            ),
            check(
                "policy_digest",
                f"decided under {record.policy_digest}, in force is {expected.policy_digest}",
                holds=record.policy_digest == expected.policy_digest,
            ),
            check(
                "expiry",
                f"it holds from {moment(record.at)} to {moment(record.expires_at)}",
                holds=record.at <= expected.now < record.expires_at,
            ),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the policy part of every decision rests on."""

    toggles: Toggles
    policy_digest: Digest
    pinned_allows: Verdict
    """The judgement under the policy pinned at creation."""
    current_allows: Verdict
    """The judgement under today's policy."""
    secrets: tuple[str, ...] = ()
    """What looks like a secret in the texts that the write would post."""
    form: tuple[Verdict, ...] = ()
    """What is asked of the write's own form (`write.judge_form`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """The world's truth about one repository, re-read now. None: could not be read."""

    repository_unchanged: bool | None
    """Neither archived, renamed, transferred nor gone."""
    base_commit: Sha | None
    expected_base: Sha | None
    branch_head: Sha | None
    expected_head: Sha | None
    marked: bool = True
    """Is the base marked by a rollback point (G-15), where the write is a merge that needs one."""
    up_to_date: bool = True
    """Has the branch all commits of its base, where the write is a merge and the base demands that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The approvals there are, and what of them a patch set's writes need."""

    digest: Digest
    approvals: tuple[Approval, ...]
    quorum: int
    now: datetime
    owners: Verdict | None = None
    """Whether the code owners have approved; None where they are not asked."""
    rights: Mapping[str, bool | None] = field(default_factory=dict)
    """Whether approvers may still write there, as `judge_approvals` takes it."""
    stand_in: Verdict | None = None
    """Whether policy, which approved in a person's place, may still do so; None where people approved."""
    separation: Verdict | None = None
    """Why the requester's own approval counts no more; None where it does, or is not needed."""


def decide_content(subject: str, rules: Rules, heads: Heads, standing: Standing) -> TapDecision:
    """Branches and pull requests of one patch set, forward or as its inverse."""
    approved = judge_approvals(
        standing.digest,
        ApprovalScope.CONTENT,
        standing.approvals,
        quorum=standing.quorum,
        now=standing.now,
        rights=standing.rights,
    )
    return TapDecision(
        subject=subject,
        policy=_policy(rules),
        authority=all_of(
            "authority", filter(None, (approved, standing.separation, standing.stand_in, standing.owners))
        ),
        truth=all_of("truth", _truth(heads)),
        policy_digest=rules.policy_digest,
        approvals=_ids(standing.approvals, standing.digest, ApprovalScope.CONTENT),
    )


def decide_merge(
    subject: str,
    rules: Rules,
    heads: Heads,
    verification: Verdict,
    *,
    authority: Verdict,
    approvals: tuple[str, ...],
) -> TapDecision:
    """One merge: G5 on the exact head, the base where the preview had it, and a person's or policy's authority."""
    return TapDecision(
        subject=subject,
        policy=all_of(
            "policy",
            (
                *_policy(rules).children,
                check("G-11", "not in quarantine", holds=not rules.toggles.quarantine),
                check("automerge", "merging by Penstock is not switched off", holds=rules.toggles.automerge),
            ),
        ),
        authority=all_of("authority", (authority,)),
        truth=all_of(
            "truth",
            (
                all_of("G-08", (verification,)),
                check("G-15", "a rollback point marks the base", holds=heads.marked),
                check("up_to_date", "the branch is as new as its base demands", holds=heads.up_to_date),
                *_truth(heads),
            ),
        ),
        policy_digest=rules.policy_digest,
        approvals=approvals,
    )


def decide_stand_in(
    digest: Digest, scope: ApprovalScope, rules: Rules, authority: Verdict, heads: Heads
) -> TapDecision:
    """Whether policy approves a digest in a person's place."""
    return TapDecision(
        subject=f"approve {scope.value} {digest}",
        policy=_policy(rules),
        authority=all_of("authority", (authority,)),
        truth=all_of("truth", _truth(heads)),
        policy_digest=rules.policy_digest,
    )


def decide_notice(subject: str, rules: Rules, *, posted_today: int, ceiling: int) -> TapDecision:
    """Comments and closing an issue: templated, free of secrets, and bounded in number."""
    return TapDecision(
        subject=subject,
        policy=_policy(rules),
        authority=all_of("authority", (passed("templated", "a notice from a template, allowed by policy"),)),
        truth=all_of(
            "truth",
            (check("rate", f"{posted_today} of {ceiling} notices today", holds=posted_today < ceiling),),
        ),
        policy_digest=rules.policy_digest,
    )


def decide_withdrawal(subject: str, rules: Rules, heads: Heads, *, over: bool) -> TapDecision:
    """Closing our own pull request and branch, where they belong to nothing that is still under way."""
    return TapDecision(
        subject=subject,
        policy=_policy(rules),
        authority=all_of(
            "authority", (check("over", "the change ends, or ended without this branch", holds=over),)
        ),
        truth=all_of(
            "truth",
            (check("repository", "the repository is where it was", holds=heads.repository_unchanged),),
        ),
        policy_digest=rules.policy_digest,
    )


def _policy(rules: Rules) -> Verdict:
    return all_of(
        "policy",
        (
            check("G-12", "the kill switch is not set", holds=rules.toggles.autonomy),
            check("P-001", "no secret in its texts", holds=not rules.secrets),
            *rules.form,
            all_of("pinned policy", (rules.pinned_allows,)),
            all_of("today's policy", (rules.current_allows,)),
        ),
    )


def _truth(heads: Heads) -> tuple[Verdict, ...]:
    return (
        check("repository", "the repository is where it was, and writable", holds=heads.repository_unchanged),
        _same("base", "the base branch is where this was computed", heads.base_commit, heads.expected_base),
        check(
            "head",
            "the change's branch is where Penstock left it",
            holds=heads.branch_head == heads.expected_head,
        ),
    )


def _same(rule: str, reason: str, actual: Sha | None, expected: Sha | None) -> Verdict:
    return check(rule, reason, holds=None if actual is None else actual == expected)


def _ids(approvals: tuple[Approval, ...], digest: Digest, scope: ApprovalScope) -> tuple[str, ...]:
    return tuple(a.id for a in approvals if a.digest == digest and a.scope is scope)
