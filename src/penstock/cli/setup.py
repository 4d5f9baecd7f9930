"""Setting up: a configuration file, its validation, and its schema."""

import json as jsonlib
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from penstock.adapters.agents.definition import RECIPE
from penstock.adapters.agents.recipes import Library, load_library, problems_in, recipe_folders
from penstock.adapters.github.needs import explained
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.core.policy.documents import LAYER_FILE
from penstock.core.policy.rules import Policy
from penstock.core.policy.tools import untold
from penstock.core.routing.agents import Backend
from penstock.core.routing.documents import EXAMPLES_FILE, RULES_FILE
from penstock.core.routing.loading import Refused, Ruleset
from penstock.core.routing.router import Router
from penstock.core.routing.trying import tried
from penstock.flows.hub import NO_MODEL
from penstock.rulebook import EXAMPLES, read_examples
from penstock.settings import CONFIG, CONFIG_PATH, LOGIN, Misconfigured, read_config, unused_keys

TEMPLATE = Path(__file__).parent / "templates" / "orchestrator.yml"


def init(*, json: bool, force: bool, organization: str) -> Exit:
    if CONFIG_PATH.exists() and not force:
        output.complain(f"{CONFIG_PATH} is there already; --force replaces it.")
        return Exit.WRONG_USE
    if not re.fullmatch(LOGIN, organization):
        output.complain(f"{organization!r} is no name of an organization or user. Nothing was written.")
        return Exit.WRONG_USE
    text = TEMPLATE.read_text()
    if organization:
        text = text.replace("# organization: YOUR-ORGANIZATION", f'organization: "{organization}"')
    CONFIG_PATH.parent.mkdir(parents=True, exist_ok=True)
    CONFIG_PATH.write_text(text)
    if json:
        output.as_json({"written": str(CONFIG_PATH), "permissions": [list(one) for one in explained()]})
        return Exit.DONE
    first = "Give" if organization else "Set discovery.organization there, then give"
    output.say(f"Wrote {CONFIG_PATH}. {first} Penstock an identity:\n")
    output.say("  PENSTOCK_APP_ID, PENSTOCK_APP_KEY_FILE")
    output.say(
        "                      an App and its private key: Penstock gets tokens of its own, one that only reads (recommended)"
    )
    output.say(
        "  INFINITY_APP_TOKEN  instead, an App's or fine-grained token, kept in the environment or in .env"
    )
    output.say(
        "  PENSTOCK_READ_TOKEN a second one with only the read permissions, so that reading cannot write"
    )
    output.say("  GITHUB_TOKEN        taken if there is no other, with a warning\n")
    output.say("It needs, on the repositories it may work on:")
    for name, level, why in explained():
        output.say(f"  {name:<16} {level:<15} {why}")
    output.say("\nThen `penstock validate-config`, and `penstock start --mode manual`.")
    return Exit.DONE


def validate(config: Path | None, *, json: bool) -> Exit:
    path = config or CONFIG_PATH
    problems: list[str] = []
    notes: tuple[str, ...] = ()
    wrong_recipes = problems_in(recipe_folders())
    recipes = Library(()) if wrong_recipes else load_library(recipe_folders())
    try:
        parsed, book = read_config(path)
        rules = book.rules
        problems.extend(book.layered.expired(datetime.now(UTC)))
        unused = (
            f"{path}: `{key}` is read and checked, but nothing acts on it yet" for key in unused_keys(parsed)
        )
        notes = (*unused, *rules.notes, *_idle(path, rules, recipes), *_untold(path, book.layered.policy))
        problems.extend(_examples(path, rules))
    except Misconfigured as error:
        absent = f"{path} is not there; `penstock init` writes {CONFIG_PATH}"
        problems.extend(error.problems if path.exists() else (absent,))
    problems.extend(wrong_recipes)
    if json:
        output.as_json({"problems": problems, "notes": list(notes)})
    else:
        for problem in (*problems, *notes):
            output.complain(problem)
        if not problems:
            output.say(f"{path} is valid.")
    return Exit.WRONG_USE if problems else Exit.DONE


def _idle(path: Path, rules: Ruleset, recipes: Library) -> Iterator[str]:
    """Agents that are declared rightly, and cannot run as things are."""
    for agent in rules.agents.values():
        if agent.backend is Backend.LLM:
            yield f"{path}: agents.{agent.name} cannot run: {NO_MODEL}"
        elif agent.recipe and recipes.card(agent.recipe) is None:
            known = ", ".join(recipes.names) or "none"
            yield f"{path}: agents.{agent.name} cannot run: there is no recipe {agent.recipe}; there are: {known}"


def _untold(path: Path, policy: Policy) -> tuple[str, ...]:
    return tuple(
        f"{path}: policies.require: nothing that can be read tells {text}; it warns with every change"
        for text in untold(policy)
    )


def _examples(path: Path, rules: Ruleset) -> tuple[str, ...]:
    """What is wrong with the examples as a document, and as signals; whether they hold is what `route test` says."""
    found = read_examples(path)
    if isinstance(found, Refused):
        return found.problems
    router, now = Router(rules), datetime.now(UTC)
    results = [tried(router, example, now) for example in found.examples] if found else []
    where = path.with_name(EXAMPLES)
    return tuple(f"{where}: {one.name}: {one.problem}" for one in results if one.problem)


def schema(name: str) -> Exit:
    schemas = {
        "orchestrator": CONFIG.json_schema,
        "rules": RULES_FILE.json_schema,
        "routing-examples": EXAMPLES_FILE.json_schema,
        "policy": LAYER_FILE.json_schema,
        "recipe": RECIPE.json_schema,
    }
    if name not in schemas:
        output.complain(f"There is no schema {name}; there are {', '.join(schemas)}.")
        return Exit.WRONG_USE
    sys.stdout.write(jsonlib.dumps(schemas[name](), indent=2) + "\n")
    return Exit.DONE
