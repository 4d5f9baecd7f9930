"""`penstock try`: one change over a person's own code, up to approval, on the embedded forge."""

import shlex
import uuid
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.text import Text

from penstock.adapters.agents.definition import USUAL_SECONDS, keep_ad_hoc
from penstock.adapters.git.local import import_sources
from penstock.bootstrap import Installation
from penstock.bootstrap.embedded import embed, has_other_state
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.cli.following import Follower
from penstock.cli.options import Options, command
from penstock.core.change.model import Change, State
from penstock.core.refs import ChangeId, RepoRef
from penstock.core.signal import RequestSignal
from penstock.flows.discovery import ref_of
from penstock.flows.intake import Started, take_request
from penstock.flows.views import details_of, is_ended, is_waiting_for_people
from penstock.settings import Settings, load

WAYS_OUT = {
    "nothing_to_change": "The command ended well and left every file as it was: does it name files that are there? "
    "It runs at the root of each repository.",
    "proposal_failed": "What it printed is above. It runs without network, with `sh -e`, at the root of each repository.",
    "proposal_timeout": "--timeout SECONDS gives each run more time.",
    "proposal_not_idempotent": "It runs a second time on its own result, and must then change nothing: no `>>`, and no "
    "replacement that finds again what it wrote.",
    "proposal_not_deterministic": "It must do the same each time: no dates, no random numbers, no names of temporary files.",
    "proposal_unsafe_tree": "It must leave plain files: no repository, device or pipe.",
    "proposal_too_large": "It must leave less: build results and downloads do not belong into a change.",
}
"""What to do about a change that stopped for a reason, in a sentence or two."""
OTHER_WAY_OUT = "Above, ✗ marks the rule that says no, and why."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    recipe: str | None
    command: str | None
    timeout: int | None
    """Seconds that one run of the command may take."""
    json: bool
    unsafe: bool


def run(state: Path | None, paths: tuple[Path, ...], wishes: Wishes) -> Exit:
    settings = load(state=state, config_path=Options.config)
    problem = _amiss(settings, paths, wishes)
    if problem:
        output.complain(f"{problem} Nothing was started.")
        return Exit.WRONG_USE
    sources = tuple(dict.fromkeys(path.resolve() for path in paths))
    home = embed(settings, unsafe_no_sandbox=wishes.unsafe)
    recipe = wishes.recipe or keep_ad_hoc(
        settings.state / "recipes", wishes.command or "", wishes.timeout or USUAL_SECONDS
    )
    with output.working(
        f"Copying {escape(_listed(sources))} into the embedded forge (of a clone, what is committed); "
        "yours are only read",
        quiet=wishes.json,
    ):
        repos = _copied(home, sources)
    if not wishes.json:
        _told(sources, repos)
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
    return _follow(home, answer.change, paths, wishes)


def _amiss(settings: Settings, paths: tuple[Path, ...], wishes: Wishes) -> str:
    """What is wrong with the order, told before anything is made; empty where all is well."""
    if bool(wishes.recipe) == bool((wishes.command or "").strip()):
        return "Name either --recipe NAME or --run 'COMMAND'."
    if wishes.recipe and wishes.timeout:
        return "--timeout is for --run; a recipe says itself how long it may take."
    if has_other_state(settings.state):
        return (
            f"{settings.state} belongs to a Penstock that works on another forge; name another with --state."
        )
    for path in paths:
        if not path.is_dir():
            return f"{path} is not a folder. Name git clones, or folders with source code."
        if settings.state.resolve().is_relative_to(path.resolve()):
            return (
                f"The state directory {settings.state} would be inside {path}, which is only to be read. "
                "Run it from another folder, or name one outside with --state."
            )
    recipes = Installation(settings).recipes
    if wishes.recipe and recipes.card(wishes.recipe) is None:
        return f"There is no recipe {wishes.recipe}; there are: {', '.join(recipes.names)}."
    return ""


def _listed(sources: tuple[Path, ...]) -> str:
    return sources[0].name if len(sources) == 1 else f"{len(sources)} sources"


def _title(recipe: str, wishes: Wishes) -> str:
    if wishes.recipe:
        return f"Recipe {recipe}"
    first, *more = (wishes.command or "").strip().splitlines()
    return f"Run {first}{' …' if more else ''}"


def _copied(home: Installation, sources: tuple[Path, ...]) -> tuple[RepoRef, ...]:
    names = [
        home.operator_hands.copy(source)
        for source in import_sources(home.settings.state / "scratch", sources)
    ]
    found = {facts.full_name.split("/")[1]: facts for facts in home.reader.repositories(home.organization)}
    return tuple(ref_of(home.forge_name, found[name]) for name in names)


def _told(sources: tuple[Path, ...], repos: tuple[RepoRef, ...]) -> None:
    """Which folder became which repository: of two with one name, the names do not tell."""
    for source, repo in zip(sources, repos, strict=True):
        output.out.print(Text(f"  {source} is {repo.full_name} there", style="dim"))


def _follow(home: Installation, name: ChangeId, paths: tuple[Path, ...], wishes: Wishes) -> Exit:
    Options.continues = (
        f"`{command()} start --once` goes on with {name}, `{command()} changes cancel {name}` ends it"
    )
    with home.working():
        (change,) = Follower(home, (name,), quiet=wishes.json).until(_settled)
    shown = details_of(change, home.store.texts(), home.address.web)
    if wishes.json:
        output.as_json(shown)
    else:
        output.say("")
        output.details(shown)
        _next_steps(change, paths, wishes)
    return Exit.WAITS if change.state is State.WAITING_USER_APPROVAL else Exit.NO


def _next_steps(change: Change, paths: tuple[Path, ...], wishes: Wishes) -> None:
    if change.state is State.WAITING_USER_APPROVAL:
        output.say(
            "\nNothing was written, to your code least of all. To see and go on, on the embedded forge:\n"
        )
        output.to_type(
            f"changes diff {change.id}",
            f"approvals approve {change.id}",
            "start --once  # carries out what is approved",
            "demo --stop  # ends the embedded forge, which runs on until then",
        )
        return
    output.say(f"\nIt stops here, and nothing was written. {WAYS_OUT.get(change.reason, OTHER_WAY_OUT)}\n")
    if wishes.recipe:
        output.to_type(f"changes resume {change.id}  # once the recipe is mended", "start --once")
    else:
        output.to_type(f"try {shlex.join(map(str, paths))} --run 'COMMAND'  # with another one")
    output.to_type(
        f"changes show {change.id} --artifacts  # everything about this one",
        f"changes cancel {change.id}  # drop it, so that it does not wait for you",
    )


def _settled(found: tuple[Change, ...]) -> bool:
    return all(is_waiting_for_people(change) or is_ended(change) for change in found)
