"""`faults`: what shall go wrong in a forge that is served with `--faults`."""

import argparse
import json
from typing import TYPE_CHECKING

from localforge.admin.verb import Verbs, verb

if TYPE_CHECKING:
    from localforge.forge import Forge


def add(verbs: Verbs) -> None:
    """Add the verb."""
    about = "let things go wrong in a forge that is served with --faults"
    faults = verb(verbs, "faults", run, about, makes=False)
    deeds = faults.add_subparsers(dest="deed", required=True)
    deeds.add_parser("list", help="the rules, with how often each matched and struck")
    deeds.add_parser("kinds", help="every kind of fault")
    deeds.add_parser("clear", help="forget every rule")
    remove = deeds.add_parser("remove", help="forget one rule")
    remove.add_argument("id", type=int)
    rule = deeds.add_parser("add", help="add a rule; prints its id")
    rule.add_argument("kind", help="see `faults kinds`")
    for name, about in (
        ("method", "only requests with this method"),
        ("path", "only requests to paths like this (a shell glob)"),
        ("operation", "only this operation, by its OpenAPI id (a shell glob)"),
        ("event", "only deliveries or events of this name: push, pull_request.opened (a shell glob)"),
        ("name", "the new name of a renamed repository"),
    ):
        rule.add_argument(f"--{name}", help=about)
    rule.add_argument("--skip", type=int, help="spare the first so many matches")
    rule.add_argument("--count", type=int, help="strike so many times (default 1; 0: always)")
    rule.add_argument("--probability", type=float, help="strike each match only this often (0 to 1)")
    rule.add_argument("--seed", type=int, help="which of them: the same seed strikes the same ones")
    rule.add_argument("--status", type=int, help="of a refusal (default 502)")
    rule.add_argument("--seconds", type=float, help="how long, where time matters (default 1)")


def run(_forge: "Forge", options: argparse.Namespace) -> int:
    """Ask the served forge; rules live in its process."""
    from localforge.control import remote
    from localforge.faults.rules import KINDS

    if options.deed == "kinds":
        print("\n".join(f"{kind:16} {about}" for kind, about in KINDS.items()))  # noqa: T201 (the answer)
        return 0
    door = remote.find(options.state)
    if door is None:
        raise ValueError(f"no forge is served from {options.state} with --faults")
    match options.deed:
        case "add":
            answer = door.ask("POST", "faults", _rule(options))
        case "remove":
            answer = door.ask("DELETE", f"faults/{options.id}")
        case "clear":
            answer = door.ask("DELETE", "faults")
        case _:
            answer = door.ask("GET", "faults")
    print(json.dumps(answer, indent=2))  # noqa: T201 (the answer)
    return 0


def _rule(options: argparse.Namespace) -> dict[str, str | int | float | None]:
    names = ("kind", "method", "path", "operation", "event", "name", "skip", "count", "probability", "seed")
    given = {name: getattr(options, name) for name in (*names, "status", "seconds")}
    rule = {name: value for name, value in given.items() if value is not None}
    return rule | ({"count": None} if rule.get("count") == 0 else {})
