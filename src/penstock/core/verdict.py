"""The one result tree that policies, gates, approvals and authorization return.

A verdict says what was asked, what came of it, why, and from which parts. Leaves carry facts; inner nodes
combine their children, and a combination of nothing is never a pass.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from penstock.core.text import printable


class Outcome(StrEnum):
    """Ordered from harmless to worst by `_RANK`; only PASS and WARN allow."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    PENDING = "pending"
    UNKNOWN = "unknown"
    BLOCK = "block"


ALLOWING = frozenset({Outcome.PASS, Outcome.WARN})
_RANK = {outcome: rank for rank, outcome in enumerate(Outcome)}
_MARK = {
    Outcome.PASS: "✓",
    Outcome.WARN: "!",
    Outcome.PENDING: "…",
    Outcome.UNKNOWN: "?",
    Outcome.BLOCK: "✗",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`rule` is a stable id (`G3`, `P-006`, `protected_paths`); `reason` is one sentence for a person."""

    rule: str
    outcome: Outcome
    reason: str = ""
    children: tuple["Verdict", ...] = ()

    @property
    def allows(self) -> bool:
        return self.outcome in ALLOWING


def passed(rule: str, reason: str = "") -> Verdict:
    return Verdict(rule=rule, outcome=Outcome.PASS, reason=reason)


def warned(rule: str, reason: str) -> Verdict:
    return Verdict(rule=rule, outcome=Outcome.WARN, reason=reason)


def pending(rule: str, reason: str) -> Verdict:
    return Verdict(rule=rule, outcome=Outcome.PENDING, reason=reason)


def unknown(rule: str, reason: str) -> Verdict:
    """Could not know. Never allows."""
    return Verdict(rule=rule, outcome=Outcome.UNKNOWN, reason=reason)


def blocked(rule: str, reason: str) -> Verdict:
    return Verdict(rule=rule, outcome=Outcome.BLOCK, reason=reason)


def check(rule: str, reason: str, *, holds: bool | None) -> Verdict:
    """A leaf from one condition; `None` means that it could not be known."""
    outcome = {True: Outcome.PASS, False: Outcome.BLOCK, None: Outcome.UNKNOWN}[holds]
    return Verdict(rule=rule, outcome=outcome, reason=reason)


def all_of(rule: str, children: Iterable[Verdict], reason: str = "") -> Verdict:
    """As bad as its worst child; without children nothing was asked, so nothing is allowed."""
    parts = tuple(children)
    if not parts:
        return unknown(rule, reason or "nothing was asked")
    worst = max((part.outcome for part in parts), key=_RANK.__getitem__)
    return Verdict(rule=rule, outcome=worst, reason=reason, children=parts)


def failures(verdict: Verdict) -> Iterator[Verdict]:
    """The leaves that keep this verdict from allowing, in tree order."""
    if verdict.allows:
        return
    if not verdict.children:
        yield verdict
    for child in verdict.children:
        yield from failures(child)


_HOUSE = re.compile(r"[PG]-\d{2,3}")
"""Ids of the house's policies and guardrails (governance: TAP)."""


def refusing(verdict: Verdict) -> Iterator[Verdict]:
    """What keeps it from allowing, for the record: each leaf that does, after the house's own rule that asked it."""
    if verdict.allows:
        return
    if not verdict.children or _HOUSE.fullmatch(verdict.rule):
        yield verdict
    for child in verdict.children:
        yield from refusing(child)


def leaves(verdict: Verdict) -> Iterator[Verdict]:
    """Everything that was asked, in tree order."""
    if not verdict.children:
        yield verdict
    for child in verdict.children:
        yield from leaves(child)


def first_reason(verdict: Verdict) -> str:
    """One line that says why: the first failing leaf, else the verdict's own reason."""
    leaf = next(failures(verdict), verdict)
    return f"{leaf.rule}: {leaf.reason}" if leaf.reason else leaf.rule


def render_text(verdict: Verdict) -> str:
    """The tree for a terminal or a log, two spaces a level."""
    return "\n".join(
        f"{'  ' * level}{_MARK[node.outcome]} {node.rule}{': ' if node.reason else ''}{node.reason}"
        for level, node in _walk(verdict)
    )


def render_markdown(verdict: Verdict) -> str:
    """The tree as a nested Markdown list, for pull-request bodies and step summaries."""
    return "\n".join(
        f"{'  ' * level}- {_MARK[node.outcome]} **{node.rule}** {escaped(node.reason)}".rstrip()
        for level, node in _walk(verdict)
    )


def _walk(verdict: Verdict, depth: int = 0) -> Iterator[tuple[int, Verdict]]:
    yield depth, verdict
    for child in verdict.children:
        yield from _walk(child, depth + 1)


def escaped(text: str) -> str:
    """A reason can quote a path or title that a stranger chose: it must not become markup, a comment marker or a control."""
    text = printable(" ".join(text.split()))
    for char in "\\`*_[]<>|":
        text = text.replace(char, f"\\{char}" if char not in "<>" else {"<": "&lt;", ">": "&gt;"}[char])
    return text
