"""G-14: a dependency change only with an intact lock file and no known vulnerability; and what is newly asked for."""

from collections.abc import Iterable
from difflib import get_close_matches

from penstock.core.dependencies.advisories import Audit, Standing
from penstock.core.dependencies.alerts import AlertsRead
from penstock.core.dependencies.changes import (
    Move,
    PackageChange,
    RequirementChange,
    package_changes,
    requirement_changes,
)
from penstock.core.dependencies.facts import FilePair, Role
from penstock.core.dependencies.integrity import lock_problems
from penstock.core.evidence import DiffFacts
from penstock.core.ledger import moment
from penstock.core.policy.rules import Policy
from penstock.core.policy.tools import requirement
from penstock.core.verdict import Verdict, all_of, blocked, passed, unknown, warned

LOCKFILE_INTEGRITY = "lockfile_integrity"
DEPENDENCY_AUDIT = "dependency_audit"
BREAKING_API = "breaking_api"
REQUIRABLE = (LOCKFILE_INTEGRITY, DEPENDENCY_AUDIT, BREAKING_API)
"""What `policies.require` may name: these block where they would warn."""
SHOWN = 20
"""How many packages or flaws are named one by one; the rest is counted."""
_NOBODY = Audit(standing=Standing.NOT_AUDITED, reason="no advisories were asked")


def requirable(text: str) -> str:
    """An entry of `policies.require`: a rule, or versions of a tool. Raises ValueError."""
    if text in REQUIRABLE or requirement(text):
        return text
    near = next(iter(get_close_matches(text, REQUIRABLE, n=1)), "")
    hint = f"; did you mean `{near}`?" if near else ""
    raise ValueError(f"`{text}` cannot be required{hint}")


def judge_dependencies(facts: DiffFacts, policy: Policy) -> Verdict:
    """One leaf for each package that came or moved and for each flaw, with package, from, to and file."""
    pairs = facts.dependencies
    if not any(pair.touched for pair in pairs):
        return passed("G-14", "no manifest or lock file is touched")
    changes = package_changes(pairs)
    return all_of(
        "G-14",
        (
            _integrity(pairs, policy),
            _new(pairs),
            _vulnerabilities(changes, facts, policy),
        ),
    )


def _integrity(pairs: tuple[FilePair, ...], policy: Policy) -> Verdict:
    say = blocked if LOCKFILE_INTEGRITY in policy.require else warned
    problems = lock_problems(pairs, dict(policy.registries))
    leaves = [say(f"{LOCKFILE_INTEGRITY}.{p.flaw}", f"{p.path}: {p.detail}") for p in problems[:SHOWN]]
    if len(problems) > SHOWN:
        leaves.append(say(LOCKFILE_INTEGRITY, f"and {len(problems) - SHOWN} more flaws"))
    return all_of(LOCKFILE_INTEGRITY, leaves) if leaves else passed(LOCKFILE_INTEGRITY, "no flaw found")


def _new(pairs: tuple[FilePair, ...]) -> Verdict:
    """What manifests ask for that they did not ask for: a person should know that a stranger moves in."""
    new = [
        change
        for pair in pairs
        if pair.touched and Role.MANIFEST in {file.role for file in (pair.before, pair.after) if file}
        for change in requirement_changes(pair)
        if change.before is None
    ]
    if not new:
        return passed("new_dependency", "nothing new is asked for directly")
    return all_of("new_dependency", (warned("new_dependency", text) for text in _few(new)))


def _few(changes: Iterable[PackageChange | RequirementChange]) -> list[str]:
    texts = [str(change) for change in changes]
    rest = [f"and {len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    return texts[:SHOWN] + rest


def _vulnerabilities(changes: tuple[PackageChange, ...], facts: DiffFacts, policy: Policy) -> Verdict:
    """Of what comes in. What nobody audited is said to be so, and stops where an audit is required."""
    rule = "known_vulnerability"
    coming = [c for c in changes if c.move is not Move.REMOVED and not c.local]
    if not coming:
        return passed(rule, "no package comes in or moves")
    known = {(a.ecosystem, a.name, a.version): a.audit for a in facts.audits}
    audited = [(c, known.get((c.ecosystem, c.name, c.after), _NOBODY)) for c in coming]
    say = unknown if DEPENDENCY_AUDIT in policy.require else warned
    leaves = [
        *(blocked(rule, f"{c}: {', '.join(a.ids)}") for c, a in audited if a.standing is Standing.VULNERABLE),
        *_counted(
            [say("not_audited", f"{c}: {a.reason}") for c, a in audited if a.standing is Standing.NOT_AUDITED]
        ),
        *_counted([passed("clean", str(c)) for c, a in audited if a.standing is Standing.CLEAN]),
        *_alerts(facts.alerts),
    ]
    return all_of(rule, leaves)


def _alerts(read: AlertsRead | None) -> tuple[Verdict, ...]:
    """Evidence, with its time, and never a reason to allow: what alerts could not tell is with its package."""
    if read is None or read.problem:
        return ()
    return (passed("alerts", f"the forge's alerts, read at {moment(read.at)}: advisories {read.advisories}"),)


def _counted(leaves: list[Verdict]) -> list[Verdict]:
    """Leaves of one kind, those above the number that is shown as one."""
    if len(leaves) <= SHOWN:
        return leaves
    last = leaves[SHOWN]
    return [
        *leaves[:SHOWN],
        Verdict(rule=last.rule, outcome=last.outcome, reason=f"and {len(leaves) - SHOWN} more"),
    ]
