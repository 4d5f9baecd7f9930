"""Commands that only look: status, changes, diffs, the state as a document."""

import json as jsonlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from penstock.adapters.store.store import DATABASE
from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.cli.governing import quarantine_line
from penstock.cli.promoted import amiss, document, known, show_standing, standing
from penstock.core.change.model import Change
from penstock.core.ledger import Break, plain
from penstock.core.text import made_visible
from penstock.flows.listening import HELD, POLL_FAILS, REFUSED, REJECTED, UNREADABLE
from penstock.flows.views import (
    Pending,
    Summary,
    counts,
    details_of,
    is_waiting_for_people,
    pending_of,
    summarize,
    text_of,
)
from penstock.ports import Permanent
from penstock.settings import Misconfigured, load_to_look


def every_change(home: Installation, *, ended: bool) -> Iterator[Change | Break]:
    """All changes, oldest first; a Break in the place of one whose log does not hold."""
    for head in home.store.heads(only_open=not ended):
        change = home.store.change(head.change)
        if change is not None:
            yield change


def sorted_out(home: Installation, *, ended: bool) -> tuple[tuple[Change, ...], tuple[Break, ...]]:
    """All changes whose logs hold, and what is wrong with the others."""
    found = tuple(every_change(home, ended=ended))
    return (
        tuple(one for one in found if isinstance(one, Change)),
        tuple(one for one in found if isinstance(one, Break)),
    )


def named(broken: Sequence[Break]) -> Exit:
    """Say of each log that does not hold that it is left out; the exit code is another then."""
    for found in broken:
        output.complain(found.sentence)
    if broken:
        output.complain("`penstock ledger verify` tells more.")
    return Exit.LEDGER if broken else Exit.DONE


def find_change(home: Installation, name: str) -> Change | None:
    """The change with this id, or the only one whose id begins so. Says so where there is none, or several.

    Raises Permanent `ledger` where its log does not hold.
    """
    heads = [head.change for head in home.store.heads() if name and head.change.startswith(name)]
    exact = [one for one in heads if one == name] or heads
    if len(exact) != 1:
        listed = f": {', '.join(exact[:5])}" if exact else "; `penstock changes list --all` shows all"
        output.complain(f"{'Several changes begin' if exact else 'No change begins'} with `{name}`{listed}")
        return None
    found = home.store.change(exact[0])
    if isinstance(found, Break):
        raise Permanent("ledger", f"{found.sentence}. `penstock ledger verify` tells more.")
    return found


def status_despite(wrong: Misconfigured, state: Path | None, *, json: bool) -> Exit:
    """The status of what was begun, although the configuration is wrong by now: nothing new starts with it."""
    home = Installation(load_to_look(state))
    if not (home.settings.state / DATABASE).exists():
        raise wrong
    status(home, json=json, wrong=wrong.problems)
    return Exit.WRONG_USE


def status(home: Installation, *, json: bool, wrong: tuple[str, ...] = ()) -> Exit:
    layered = home.rules.layered
    for problem in wrong:
        output.complain(problem)
    if wrong:
        output.complain(
            "So nothing starts with it; what runs already keeps the rules and the policy that it has."
        )
        layered = replace(layered, clashes=())  # with what, is not known
    found, broken = sorted_out(home, ended=True)
    texts = home.store.texts()
    waiting = [summarize(change, texts) for change in found if is_waiting_for_people(change)]
    troubles = [
        (change.id, repo.repository, repo.trouble)
        for change in found
        for repo in details_of(change, texts, "").repositories
        if repo.trouble
    ]
    tallies = {name: home.tallies.get(name) for name in TALLIES}
    now, decided = home.clock.now(), known(home)
    expired = layered.expired(now)
    if json:
        told = {"states": counts(found), "waiting": waiting, "trouble": troubles, "tallies": tallies}
        policy = {
            "promotions": [document(one, texts) for one in standing(decided.governance, now)],
            "policy_amiss": amiss(layered),
        }
        output.as_json(
            {**told, **policy, "broken": broken, "configuration": wrong, "expired_waivers": expired}
        )
        return named(broken) or decided.exit
    output.say(
        "  ".join(f"{name} {number}" for name, number in counts(found).items())
        or "No changes yet. `penstock demo` shows one; `penstock init` sets Penstock up for an organization."
    )
    for change, repository, trouble in troubles:
        output.out.print(Text(f"{change} {repository}: {trouble}; kept, and tried again", style="yellow"))
    for waiver in expired:
        output.out.print(Text(waiver, style="yellow"))
    for name, tally in tallies.items():
        if tally:
            since = f"since {tally.at:%Y-%m-%d %H:%M:%S} UTC, {tally.count} times"
            output.out.print(Text(TALLIES[name].format(since=since, note=tally.note), style="yellow"))
    show_standing(home, decided.governance, layered)
    if held := quarantine_line(decided.governance):
        output.complain(held)
    show_waiting(waiting)
    return named(broken) or decided.exit


TALLIES = {
    POLL_FAILS: "polling fails {since}: {note}; it is tried again, and nothing is lost",
    REFUSED: "webhooks refused {since}: their signatures were missing or wrong (PENSTOCK_WEBHOOK_SECRET must be the forge's)",
    HELD: "held {since}: {note}; looked at again by every poll",
    REJECTED: "configuration rejected {since}: {note}; the rules and the policy before it stay in force",
    UNREADABLE: "webhooks unreadable {since}: {note}",
}
"""What `status` says of each tally."""


def show_waiting(waiting: Sequence[Summary]) -> None:
    """What waits for a person, and what to type; nothing where nothing does."""
    if waiting:
        output.say("\n[magenta]Waiting for you[/]")
        output.out.print(output.change_table(waiting))
        output.say("")
        output.to_type("changes show CHANGE", "changes diff CHANGE", "approvals approve CHANGE")


def changes(home: Installation, *, every: bool, json: bool) -> Exit:
    texts = home.store.texts()
    holding, broken = sorted_out(home, ended=every)
    found = [summarize(change, texts) for change in holding]
    if json:
        output.as_json({"changes": found, "broken": broken})
    elif found:
        output.out.print(output.change_table(found))
    elif not broken:
        output.say(
            "No open changes. `penstock changes list --all` shows ended ones."
            if not every
            else "No changes yet."
        )
    return named(broken)


def show(home: Installation, name: str, *, artifacts: bool, json: bool) -> Exit:
    change = find_change(home, name)
    if change is None:
        return Exit.NO
    shown = details_of(change, home.store.texts(), home.known_web_address)
    if json:
        output.as_json(shown)
        return Exit.DONE
    output.details(shown)
    for title, text in shown.artifacts if artifacts else ():
        output.out.rule(title)
        output.out.print(Text(text))
    if shown.artifacts and not artifacts:
        names = ", ".join(title for title, _ in shown.artifacts)
        output.out.print(Text(f"\nartifacts: {names}  (--artifacts prints them)", style="dim"))
    return Exit.DONE


def diff(home: Installation, name: str, repos: tuple[str, ...], *, json: bool) -> Exit:
    change = find_change(home, name)
    if change is None:
        return Exit.NO
    names = [lane.repo.full_name for lane in change.lanes]
    unknown = [repo for repo in repos if repo not in {*names, *(name.split("/")[-1] for name in names)}]
    if unknown:
        output.complain(f"{change.id} is not about {', '.join(unknown)}, but about {', '.join(names)}.")
        return Exit.NO
    texts = home.store.texts()
    patches = {
        lane.repo.full_name: text_of(texts, lane.patch_set.patch)
        for lane in change.shipping
        if lane.patch_set and (not repos or lane.repo.full_name in repos or lane.repo.name in repos)
    }
    if json:
        output.as_json(patches)
        return Exit.DONE
    if not patches:
        output.complain(f"{change.id} proposes nothing there.")
        return Exit.NO
    for full_name, patch in patches.items():
        if output.out.is_terminal:
            output.out.rule(full_name, align="left")
            output.out.print(output.diff(patch))
        else:
            sys.stdout.write(made_visible(f"{full_name}\n{patch}"))
    return Exit.DONE


def export_state(home: Installation, file: Path | None) -> Exit:
    texts = home.store.texts()
    found, broken = sorted_out(home, ended=True)
    state = [details_of(change, texts, home.known_web_address) for change in found]
    document = {"version": 1, "changes": state, "broken": broken}
    if file is None:
        output.as_json(document)
        return named(broken)
    temporary = file.with_name(f"{file.name}.tmp")
    temporary.write_text(jsonlib.dumps(plain(document), indent=2, ensure_ascii=False) + "\n")
    temporary.replace(file)
    output.say(f"{len(state)} changes in {file}")
    return named(broken)


def pending_everywhere(home: Installation) -> tuple[list[Pending], tuple[Break, ...]]:
    """What waits for an approval, in all open changes; and those that cannot say, since their logs do not hold."""
    texts = home.store.texts()
    found, broken = sorted_out(home, ended=False)
    return [one for change in found for one in pending_of(change, texts)], broken
