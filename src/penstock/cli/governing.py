"""Autonomy and quarantine at the command line."""

import sys
from dataclasses import dataclass

from rich.markup import escape
from rich.text import Text

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.core.autonomy.granting import Asked
from penstock.core.autonomy.model import Cell, Governance
from penstock.core.policy.rules import Holder, Tier, effective
from penstock.flows import governing
from penstock.flows.orders import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    agent: str
    repositories: str
    tier: Tier
    days: int
    cap: int


def grant(home: Installation, wish: Wish, reason: str, *, json: bool) -> Exit:
    cell = Cell(agent=wish.agent, repositories=wish.repositories, tier=wish.tier)
    asked = Asked(cell=cell, days=wish.days, cap=wish.cap)
    return _told(governing.grant(_seat(home), asked, reason, agents=home.workforce), json=json)


def revoke(home: Installation, name: str, reason: str, *, json: bool) -> Exit:
    return _told(governing.revoke_grant(_seat(home), name, reason), json=json)


def lift(home: Installation, reason: str, *, json: bool) -> Exit:
    return _told(governing.lift_quarantine(_seat(home), reason), json=json)


def toggles(home: Installation, *, json: bool) -> Exit:
    holders = home.switches.seen(None)
    now, due = effective(holders), home.steering.due()
    if json:
        output.as_json({"holders": holders, "effective": now, "failures": due})
        return Exit.WAITS if now.quarantine else Exit.DONE
    for holder in holders:
        output.out.print(Text(f"{holder.name}: {_set(holder)}", style="" if holder.readable else "red"))
    output.say(
        f"together: writes {'on' if now.autonomy else 'stopped'}, merges {'on' if now.automerge else 'stopped'}, "
        f"quarantine {'on' if now.quarantine else 'off'}, {now.max_prs_per_day} pull requests a day that no person approved"
    )
    if due:
        output.say(f"It quarantined itself: {', '.join(map(escape, due))} failed one after another.")
        output.to_type('quarantine lift --reason "WHY"')
    return Exit.WAITS if now.quarantine else Exit.DONE


def _set(holder: Holder) -> str:
    if not holder.readable:
        return f"counts as stopped: {holder.said}"
    given = {
        "INFINITY_AUTONOMY_ENABLED": holder.autonomy,
        "INFINITY_AUTOMERGE_ENABLED": holder.automerge,
        "INFINITY_QUARANTINE_MODE": holder.quarantine,
        "INFINITY_MAX_PRS_PER_DAY": holder.max_prs_per_day,
    }
    named = [f"{name} {str(value).lower()}" for name, value in given.items() if value is not None]
    return ", ".join(named) or "unset"


def quarantine_line(governance: Governance) -> str:
    """What `status` says of it; nothing where there is none on record."""
    held = governance.quarantine
    if held is None:
        return ""
    failed = ", ".join(held.failures)
    return (
        f"in quarantine since {held.since:%Y-%m-%d %H:%M} UTC, drafts only and no merges: {failed} failed one after "
        "another; `penstock quarantine lift --reason WHY` ends it"
    )


def _seat(home: Installation) -> governing.Seat:
    return home.seat(interactive=sys.stdin.isatty())


def _told(answer: Answer, *, json: bool) -> Exit:
    if json:
        output.as_json(answer)
    elif answer.recorded:
        output.out.print(Text(f"{answer.subject}: recorded", style="green"))
    else:
        output.out.print(Text(f"{answer.subject}: refused", style="red"))
        output.out.print(output.failing_lines(answer.verdict))
    return Exit.DONE if answer.recorded else Exit.NO
