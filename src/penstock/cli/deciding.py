"""Commands by which a person decides: approve, reject, request changes, revoke, cancel, resume."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.cli.looking import find_change, named, pending_everywhere
from penstock.core.approval import ApprovalScope
from penstock.core.change.model import Change
from penstock.core.refs import Digest
from penstock.flows import orders
from penstock.flows.views import Pending, pending_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which of what waits is meant; nothing named means all of it."""

    digests: tuple[str, ...] = ()
    repos: tuple[str, ...] = ()
    merge: bool = False

    def fits(self, one: Pending) -> bool:
        name = one.repository
        named = any(_begins(one, digest) for digest in self.digests)
        asked = any(repo in {name, name.split("/")[-1]} for repo in self.repos)
        return named or asked or not (self.digests or self.repos)

    def among(self, waiting: Sequence[Pending]) -> tuple[Digest, ...]:
        """What of all that waits is meant. Raises Unclear where a digest does not name exactly one of it."""
        for digest in self.digests:
            if not DIGEST_PREFIX.fullmatch(digest):
                raise Unclear(
                    f"`{digest}` is not a digest: give at least 8 of its hexadecimal digits.", Exit.WRONG_USE
                )
            named = {one.digest for one in waiting if _begins(one, digest)}
            if not named:
                raise Unclear(f"Nothing that waits has the digest {digest}.", Exit.NO)
            if len(named) > 1:
                raise Unclear(f"{len(named)} digests begin with {digest}; give more digits.", Exit.WRONG_USE)
        return tuple(one.digest for one in waiting if self.fits(one))


DIGEST_PREFIX = re.compile(r"(?:sha256:)?[0-9a-f]{8,64}")
"""So many digits that nobody meets another digest's by accident."""


class Unclear(Exception):
    """What was named is not exactly one thing that waits; the sentence says why."""

    def __init__(self, sentence: str, code: Exit) -> None:
        super().__init__(sentence)
        self.code = code


def _begins(one: Pending, digest: str) -> bool:
    return one.digest.removeprefix("sha256:").startswith(digest.removeprefix("sha256:"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    reason: str
    json: bool


def list_pending(home: Installation, *, json: bool) -> Exit:
    pending, broken = pending_everywhere(home)
    if json:
        output.as_json({"pending": pending, "broken": broken})
    elif pending:
        output.out.print(output.pending_table(pending))
        output.say("")
        output.to_type("changes diff CHANGE", "approvals approve CHANGE [--repo REPO] [--merge]")
    elif not broken:
        output.say("Nothing waits for an approval.")
    return named(broken)


def approve(home: Installation, name: str, chosen: Chosen, *, json: bool) -> Exit:
    change = find_change(home, name)
    if change is None:
        return Exit.NO
    scope = ApprovalScope.MERGE if chosen.merge else ApprovalScope.CONTENT
    try:
        digests = _chosen(home, change, chosen, scope)
    except Unclear as unclear:
        return _unclear(unclear)
    if not digests:
        return _nothing_waits(change, scope)
    return _told(orders.approve(_desk(home), change, digests, scope), json=json)


def reject(home: Installation, name: str, chosen: Chosen, words: Words) -> Exit:
    return _judge(home, name, chosen, words, orders.reject)


def request_changes(home: Installation, name: str, chosen: Chosen, words: Words) -> Exit:
    return _judge(home, name, chosen, words, orders.request_changes)


def _judge(home: Installation, name: str, chosen: Chosen, words: Words, order: orders.Judgement) -> Exit:
    change = find_change(home, name)
    if change is None:
        return Exit.NO
    try:
        digests = _chosen(home, change, chosen, ApprovalScope.CONTENT)
    except Unclear as unclear:
        return _unclear(unclear)
    if not digests:
        return _nothing_waits(change, ApprovalScope.CONTENT)
    if len(digests) != 1:
        output.complain(f"{len(digests)} patch sets of {change.id} wait; name one with --repo or --digest.")
        return Exit.WRONG_USE
    return _told((order(_desk(home), change, digests[0], words.reason),), json=words.json)


def revoke(home: Installation, name: str, approval: str, *, json: bool) -> Exit:
    change = find_change(home, name)
    return _told((orders.revoke(_desk(home), change, approval),), json=json) if change else Exit.NO


def cancel(home: Installation, name: str, words: Words, *, rollback: bool) -> Exit:
    change = find_change(home, name)
    if change is None:
        return Exit.NO
    return _told(
        (orders.cancel(_desk(home), change, rollback=rollback, words=words.reason),), json=words.json
    )


def resume(home: Installation, name: str, protected: tuple[str, ...], *, json: bool) -> Exit:
    change = find_change(home, name)
    if change is None:
        return Exit.NO
    return _told((orders.resume(_desk(home), change, named=protected),), json=json)


def _desk(home: Installation) -> orders.Desk:
    return home.desk(interactive=sys.stdin.isatty())


def _chosen(home: Installation, change: Change, chosen: Chosen, scope: ApprovalScope) -> tuple[Digest, ...]:
    return chosen.among([one for one in pending_of(change, home.store.texts()) if one.scope is scope])


def _nothing_waits(change: Change, scope: ApprovalScope) -> Exit:
    other = "" if scope is ApprovalScope.MERGE else " (merges are approved with --merge)"
    output.complain(
        f"Nothing of {change.id} that you named waits for {scope} approval; it is {change.state}{other}."
    )
    return Exit.NO


def _unclear(unclear: Unclear) -> Exit:
    output.complain(f"{unclear} `penstock approvals list` shows what waits. Nothing was recorded.")
    return unclear.code


def _told(answers: tuple[orders.Answer, ...], *, json: bool) -> Exit:
    """Each answer, and 1 if any was refused. A repetition of what is on record is no failure."""
    if json:
        output.as_json(answers)
    for answer in () if json else answers:
        name = output.short(answer.subject)
        if answer.verdict.allows:
            output.out.print(
                Text(f"{name}: {'recorded' if answer.recorded else 'was on record already'}", style="green")
            )
        else:
            output.out.print(Text(f"{name}: refused", style="red"))
            output.out.print(output.failing_lines(answer.verdict))
    if any(answer.recorded for answer in answers) and not json:
        output.say(
            "[dim]`penstock start` carries it out, now or when it runs next; `penstock start --once` does and ends.[/]"
        )
    return Exit.DONE if all(answer.verdict.allows for answer in answers) else Exit.NO
