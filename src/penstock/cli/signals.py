"""Signals beside issues at the command line: what stands at the forge, and ordering that one is worked on."""

from collections.abc import Iterator

from rich.table import Table

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.cli.issues import places
from penstock.core.signal import ALERTS, ForgeEvent, ForgeSignal
from penstock.flows.intake import Started, take_forge_signal
from penstock.ports import Permanent


def list_signals(home: Installation, event: ForgeEvent | None, *, json: bool) -> Exit:
    """What cannot be read is said, and the rest is listed."""
    problems: list[str] = []
    found = list(_standing(home, tuple(ForgeEvent) if event is None else (event,), problems))
    if json:
        output.as_json({"signals": found, "problems": problems})
    elif found:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("signal", "repository", "title", "branch", "severity"):
            table.add_column(column, overflow="fold")
        for one in found:
            title = one.title if one.event in ALERTS else one.heading
            table.add_row(
                one.event,
                output.cell(f"{one.repo.full_name}#{one.handle}"),
                output.cell(title),
                output.cell(one.branch),
                one.severity or "",
            )
        output.out.print(table)
    elif not problems:
        output.say(f"Nothing of {home.organization} fails on its default branch, and no alert is open.")
    for problem in problems:
        output.complain(problem)
    return Exit.FORGE if problems else Exit.DONE


def _standing(
    home: Installation, events: tuple[ForgeEvent, ...], problems: list[str]
) -> Iterator[ForgeSignal]:
    for repo, facts in home.fleet.repositories(home.reader):
        for event in () if facts.archived else events:
            try:
                yield from home.signals.standing(repo, facts, event)
            except Permanent as unread:
                problems.append(str(unread))


def process_signal(home: Installation, event: ForgeEvent, name: str, *, json: bool) -> Exit:
    """By a run's or an alert's number, or a check's name. A rule has to route it: rules say who works, whoever orders it."""
    place, _, handle = name.partition("#") if "#" in name else ("", "", name)
    found = places(home, place)
    if len(found) != 1:
        output.complain(
            f"{name}: name it as REPOSITORY#NAME; {home.organization} has {len(found)} repositories that fit."
        )
        return Exit.NO
    repo, facts = found[0]
    standing = () if facts.archived else home.signals.standing(repo, facts, event)
    signal = next((one for one in standing if one.handle == handle), None)
    if signal is None:
        output.complain(
            f"{repo.full_name} has no {event} {handle} that stands: `penstock list-signals` shows what does."
        )
        return Exit.NO
    answer = take_forge_signal(home.store, signal, home.circumstances, ordered_by=home.operator)
    if json:
        output.as_json(answer)
    elif isinstance(answer, Started):
        output.say(f"Change {answer.change} for {signal.name}. `penstock start` carries it on.")
    else:
        hint = f": `penstock changes show {answer.change}`" if answer.change else ""
        output.complain(f"{signal.name} was not taken: {answer.reason}{hint}")
    return Exit.DONE if isinstance(answer, Started) else Exit.NO
