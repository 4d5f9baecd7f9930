"""`penstock autonomy list`: where policy may act in a person's place, why not elsewhere, and what that would take."""

from datetime import datetime

from rich.table import Table
from rich.text import Text

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.core.autonomy.earning import Held, standing
from penstock.core.autonomy.model import Grant
from penstock.core.policy.rules import Mode
from penstock.core.verdict import failures

COLUMNS = ("cell", "outcomes", "failed", "at most", "autonomy")
STYLES = {"granted": "green", "earned": "green", "suspended": "red"}


def show(home: Installation, *, json: bool) -> Exit:
    now, governance = home.clock.now(), home.store.governance.now()
    today = governance.pulls_on(governance.not_before(now).date())
    cells = standing(governance, home.steering.outcomes.landed(home.policy.repository_classes), now)
    if json:
        document = {"mode": home.policy.mode, "cells": [_document(one) for one in cells]}
        output.as_json({**document, "grants": governance.grants, "today": sorted(today)})
        return Exit.DONE
    if cells:
        output.out.print(_table(cells))
    else:
        output.say("Nothing was merged or granted yet: people approve everything.")
    for grant in governance.grants:
        output.out.print(Text(_grant(grant, governance.not_before(now))))
    output.say(f"{len(today)} pull requests that no person approved were opened today (UTC).")
    if home.policy.mode is not Mode.AUTONOMOUS:
        output.say(f"Mode is {home.policy.mode}: people approve everything, whatever was granted or earned.")
    return Exit.DONE


def _state(held: Held) -> str:
    """`granted`, `earned`, `suspended`, `not_earned`, or `never` (a person's always)."""
    rule = next((leaf.rule for leaf in failures(held.verdict)), "")
    return {"": held.verdict.rule, "earned": "not_earned", "G-06": "never"}.get(rule, rule)


def _document(held: Held) -> dict[str, object]:
    record = held.record
    return {
        "cell": held.cell,
        "state": _state(held),
        "why": held.verdict.reason,
        "outcomes": record.own.outcomes,
        "failures": record.own.failures,
        "pooled": {"outcomes": record.pool.outcomes, "failures": record.pool.failures}
        if record.pooled
        else None,
        "upper_bound_95": f"{record.counts.bound:.4f}",
        "missing": record.missing,
        "under_watch": record.under_watch,
        "unwatched": record.unwatched,
    }


def _table(cells: tuple[Held, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for held in cells:
        record, state = held.record, _state(held)
        table.add_row(
            output.cell(str(held.cell)),
            _counted(record.own.outcomes, record.pool.outcomes, pooled=record.pooled),
            _counted(record.own.failures, record.pool.failures, pooled=record.pooled),
            f"{record.counts.bound:.1%}",
            Text(_told(held, state), style=STYLES.get(state, "")),
        )
    return table


def _counted(own: int, pool: int, *, pooled: bool) -> str:
    return f"{own} ({pool} pooled)" if pooled and pool != own else str(own)


def _told(held: Held, state: str) -> str:
    record = held.record
    ends = f", the next until {record.next_end:%Y-%m-%d}" if record.next_end else ""
    more = (
        f"{record.under_watch} under watch{ends}" if record.under_watch else "",
        f"{record.unwatched} not watched to the end" if record.unwatched else "",
    )
    return "; ".join((_standing(held, state), *(part for part in more if part)))


def _standing(held: Held, state: str) -> str:
    match state:
        case "granted" if held.grant:
            return f"granted by {held.grant.by.login} until {held.grant.until:%Y-%m-%d} ({held.grant.id})"
        case "earned":
            return "earned: policy merges what a person approved"
        case "not_earned":
            return f"not held, {held.record.missing} clean outcomes missing"
        case "never":
            return "never: always a person's"
        case _:
            return held.verdict.reason.removeprefix(f"{held.cell}: ")


def _grant(grant: Grant, now: datetime) -> str:
    over = "revoked" if grant.revoked else "over" if now >= grant.until else ""
    left = over or f"until {grant.until:%Y-%m-%d %H:%M} UTC"
    return f"{grant.id}  {grant.cell}  {len(grant.used)} of {grant.cap} pull requests, {left}, by {grant.by.login}"
