"""What the policy says of the contents of changed files: their API, complexity, licences, and how safe workflows are."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from penstock.core.evidence import DiffFacts, FileFact, FileStatus
from penstock.core.policy.dependencies import BREAKING_API
from penstock.core.policy.rules import Policy
from penstock.core.sources.licences import UNRECOGNISED, is_allowed, is_permissive, is_strong
from penstock.core.sources.workflows import Severity, is_workflow
from penstock.core.verdict import Outcome, Verdict, all_of, blocked, passed, unknown, warned

SHOWN = 20
"""How many of a kind are named one by one; the rest is counted."""


def judge_api(facts: DiffFacts, policy: Policy) -> Verdict:
    """Warns, and blocks where `policies.require` names it; what could not be compared is never said to be compatible."""
    if not facts.breaking and not facts.unread:
        return passed(BREAKING_API, "nothing that others may use is gone or asks for more")
    strict = BREAKING_API in policy.require
    broken, untold = (blocked, unknown) if strict else (warned, warned)
    return all_of(
        BREAKING_API,
        (
            *(broken(BREAKING_API, text) for text in _few(facts.breaking)),
            *(untold("not_compared", text) for text in _few(facts.unread)),
        ),
    )


def judge_complexity(facts: DiffFacts, policy: Policy) -> Verdict:
    """Of functions that were added or made more complex; what was so before is not this patch's doing."""
    most = policy.contents.max_function_complexity
    over = [each for each in facts.tangled if each.ways > most]
    ceiling = f"the ceiling is {most}"
    if over:
        return all_of("complexity", (blocked("complexity", f"{text}; {ceiling}") for text in _few(over)))
    if not facts.tangled:
        return passed("complexity", "no function became more complex")
    worst = facts.tangled[0]
    return passed("complexity", f"the most complex of what was touched: {worst}; {ceiling}")


def judge_workflows(facts: DiffFacts) -> Verdict:
    """What is new only. What could not be audited is not clean: it stops, until a person has looked."""
    rule = "actions_security"
    if not facts.workflows and not facts.unaudited:
        touched = sum(1 for file in facts.files if file.new_sha and is_workflow(file.path))
        return passed(rule, f"{touched} audited, nothing new was found" if touched else "none touched")
    high = [each for each in facts.workflows if each.severity is Severity.HIGH]
    rest = [each for each in facts.workflows if each.severity is not Severity.HIGH]
    return all_of(
        rule,
        (
            *(blocked(rule, text) for text in _few(high)),
            *(unknown("not_audited", text) for text in _few(facts.unaudited)),
            *(warned(rule, text) for text in _few(rest)),
        ),
    )


def judge_licences(facts: DiffFacts, policy: Policy) -> Verdict:
    """Of added files. Without a list of what is allowed, only what would reach a permissive repository warns."""
    named = [file for file in facts.files if file.licence]
    unnamed = [
        warned("vendored", f"{folder}: no licence comes with it") for folder in _few(_unlicensed(facts))
    ]
    if not named and not unnamed:
        return passed("licences", "no added file names one")
    return all_of("licences", (*_counted([_licence(f, facts, policy) for f in named]), *unnamed))


def _licence(file: FileFact, facts: DiffFacts, policy: Policy) -> Verdict:
    allowed, said = policy.contents.licences, f"{file.path}: {file.licence}"
    if file.licence == UNRECOGNISED:
        say = warned if allowed is None else unknown
        return say("licences", f"{file.path}: has a licence that could not be told")
    if allowed is not None:
        fine = is_allowed(file.licence, frozenset(allowed))
        return passed("licences", said) if fine else blocked("licences", f"{said}, which is not in the list")
    if is_strong(file.licence) and is_permissive(facts.own_licence):
        return warned("licences", f"{said}, in a repository under {facts.own_licence}")
    return passed("licences", said)


def _counted(leaves: list[Verdict]) -> list[Verdict]:
    """The worst first; those above the number that is shown as one."""
    ordered = sorted(leaves, key=lambda leaf: leaf.outcome is Outcome.PASS)
    rest = ordered[SHOWN:]
    if not rest:
        return ordered
    return [*ordered[:SHOWN], replace(rest[0], reason=f"and {len(rest)} more")]


_VENDORED = re.compile(r"((?:.*/)?(?:vendor|_vendor|third_party|node_modules)/(?:@[^/]+/)?[^/]+)/.")


def _unlicensed(facts: DiffFacts) -> list[str]:
    """Folders of others' work that come in whole, and no file of which names a licence."""
    folders: dict[str, list[FileFact]] = defaultdict(list)
    for file in facts.files:
        if found := _VENDORED.match(file.path):
            folders[found[1]].append(file)
    return [
        folder
        for folder, files in sorted(folders.items())
        if all(file.status is FileStatus.ADDED and not file.licence for file in files)
    ]


def _few(found: Sequence[object]) -> list[str]:
    rest = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return [*map(str, found[:SHOWN]), *rest]
