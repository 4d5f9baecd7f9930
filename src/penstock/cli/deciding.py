"""Commands by which a person decides: approve, reject, request changes, revoke, cancel, resume."""

import sys
from dataclasses import dataclass

from rich.text import Text

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.cli.looking import find_change, pending_everywhere
from penstock.core.approval import ApprovalScope
from penstock.core.refs import Digest
from penstock.flows import orders
from penstock.flows.views import Pending


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which of what waits is meant; nothing named means all of it."""

    digests: tuple[str, ...] = ()
    repos: tuple[str, ...] = ()
    merge: bool = False

    def fits(self, one: Pending) -> bool:
        name = one.repository
        named = any(output.short(one.digest).startswith(d.removeprefix("sha256:")[:12]) for d in self.digests)
        asked = any(repo in {name, name.split("/")[-1]} for repo in self.repos)
        return named or asked or not (self.digests or self.repos)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    reason: str
    json: bool


def list_pending(home: Installation, *, json: bool) -> Exit:
    pending = pending_everywhere(home)
    if json:
        output.as_json(pending)
    elif pending:
        output.out.print(output.pending_table(pending))
        output.say(
            "\n[dim]penstock changes diff CHANGE · penstock approvals approve CHANGE [--repo REPO] [--merge][/]"
        )
    else:
        output.say("Nothing waits for an approval.")
    return Exit.DONE


def approve(home: Installation, name: str, chosen: Chosen, *, json: bool) -> Exit:
    change = find_change(home, name)
    if change is None:
        return Exit.NO
    scope = ApprovalScope.MERGE if chosen.merge else ApprovalScope.CONTENT
    digests = _chosen(home, change.id, chosen, scope)
    if not digests:
        other = "" if chosen.merge else " (merges are approved with --merge)"
        output.complain(f"Nothing of {change.id} that you named waits for {scope} approval{other}.")
        return Exit.NO
    return _told(orders.approve(_desk(home), change, digests, scope), json=json)


def reject(home: Installation, name: str, chosen: Chosen, words: Words) -> Exit:
    return _judge(home, name, chosen, words, orders.reject)


def request_changes(home: Installation, name: str, chosen: Chosen, words: Words) -> Exit:
    return _judge(home, name, chosen, words, orders.request_changes)


def _judge(home: Installation, name: str, chosen: Chosen, words: Words, order: orders.Judgement) -> Exit:
    change = find_change(home, name)
    if change is None:
        return Exit.NO
    digests = _chosen(home, change.id, chosen, ApprovalScope.CONTENT)
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


def resume(home: Installation, name: str, *, json: bool) -> Exit:
    change = find_change(home, name)
    return _told((orders.resume(_desk(home), change),), json=json) if change else Exit.NO


def _desk(home: Installation) -> orders.Desk:
    return home.desk(interactive=sys.stdin.isatty())


def _chosen(home: Installation, change: str, chosen: Chosen, scope: ApprovalScope) -> tuple[Digest, ...]:
    pending = (one for one in pending_everywhere(home) if one.change == change and one.scope is scope)
    return tuple(one.digest for one in pending if chosen.fits(one))


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
