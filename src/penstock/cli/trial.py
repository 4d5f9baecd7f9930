"""`penstock try`: one change over a person's own code, up to approval, on the embedded forge."""

import uuid
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from penstock.bootstrap import Installation, embed, has_other_state, import_sources, keep_recipe
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.cli.following import Follower
from penstock.core.change.model import Change, State
from penstock.core.refs import ChangeId, RepoRef
from penstock.core.signal import RequestSignal
from penstock.flows.discovery import ref_of
from penstock.flows.intake import Started, take_request
from penstock.flows.views import details_of, is_ended, is_waiting_for_people
from penstock.settings import load


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    recipe: str | None
    command: str | None
    json: bool
    unsafe: bool


def run(state: Path | None, paths: tuple[Path, ...], wishes: Wishes) -> Exit:
    if (wishes.recipe is None) == (wishes.command is None):
        output.complain("Name either --recipe NAME or --run 'COMMAND'.")
        return Exit.WRONG_USE
    settings = load(state=state)
    if has_other_state(settings.state):
        output.complain(
            f"{settings.state} belongs to a Penstock that works on another forge; name another with --state."
        )
        return Exit.WRONG_USE
    home = embed(settings, unsafe_no_sandbox=wishes.unsafe)
    recipe = wishes.recipe or keep_recipe(settings.state, wishes.command or "")
    if home.recipes.card(recipe) is None:
        output.complain(f"There is no recipe {recipe}; there are: {', '.join(home.recipes.names)}.")
        return Exit.WRONG_USE
    with output.working(
        f"Copying {len(paths)} sources into the embedded forge; yours are only read", quiet=wishes.json
    ):
        repos = _published(home, paths)
    signal = RequestSignal(
        recipe=recipe,
        title=_title(recipe, wishes),
        repos=repos,
        requester=home.operator,
        nonce=uuid.uuid4().hex,
    )
    answer = take_request(home.store, signal, home.circumstances)
    if not isinstance(answer, Started):
        output.complain(f"Not started: {answer.reason}")
        return Exit.NO
    return _follow(home, answer.change, wishes)


def _title(recipe: str, wishes: Wishes) -> str:
    return f"Run {wishes.command}" if wishes.command else f"Recipe {recipe}"


def _published(home: Installation, paths: tuple[Path, ...]) -> tuple[RepoRef, ...]:
    names = []
    for source in import_sources(home.settings.state, paths):
        home.operator_hands.publish(source)
        names.append(source.name)
    found = {facts.full_name.split("/")[1]: facts for facts in home.reader.repositories(home.organization)}
    return tuple(ref_of(home.forge_name, found[name]) for name in names)


def _follow(home: Installation, name: ChangeId, wishes: Wishes) -> Exit:
    with home.working():
        (change,) = Follower(home, (name,), quiet=wishes.json).until(_settled)
    shown = details_of(change, home.store.texts(), home.address.web)
    if wishes.json:
        output.as_json(shown)
    else:
        output.say("")
        output.details(shown)
        _next_steps(change)
    return Exit.WAITS if change.state is State.WAITING_USER_APPROVAL else Exit.NO


def _next_steps(change: Change) -> None:
    if change.state is State.WAITING_USER_APPROVAL:
        output.say(
            "\nNothing was written, to your code least of all. To see and go on, on the embedded forge:\n"
        )
        output.say(f"  penstock changes diff {change.id}")
        output.say(f"  penstock approvals approve {change.id} && penstock start --once")
    else:
        output.out.print(Text("\nIt stops here, and nothing was written.", style="dim"))


def _settled(found: tuple[Change, ...]) -> bool:
    return all(is_waiting_for_people(change) or is_ended(change) for change in found)
