"""Ids of jobs and steps: which are legal, and what a step without one is called."""

import re

from localforge.actions.workflow.model import StepAction, Unsupported, Uses

_MAX = 100
_LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]")


def refusal(identifier: str, taken: set[str]) -> str:
    """Why `identifier` cannot be used, in GitHub's words (its "and and" too); empty when it can."""
    if not _LEGAL.fullmatch(identifier) or len(identifier) >= _MAX:
        return (
            f"The identifier '{identifier}' is invalid. IDs may only contain alphanumeric characters, '_', and '-'."
            f" IDs must start with a letter or '_' and and must be less than {_MAX} characters."
        )
    if identifier.startswith("__"):
        return f"The identifier '{identifier}' is invalid. IDs starting with '__' are reserved."
    if identifier in taken:
        return f"The identifier '{identifier}' may not be used more than once within the same scope."
    return ""


def generated(action: StepAction, taken: set[str]) -> str:
    """`__run`, `__actions_checkout`, `__run_2` …: GitHub's id for a step that has none."""
    stem = "__" + _ILLEGAL.sub("_", _stem(action))
    candidate, attempt = stem[:_MAX], 1
    while candidate in taken:
        attempt += 1
        suffix = f"_{attempt}"
        candidate = stem[: _MAX - len(suffix)] + suffix
    return candidate


def _stem(action: StepAction) -> str:
    match action:
        case Unsupported(what=what):
            return what
        case Uses(action=uses) if uses.startswith("docker://"):
            return uses.removeprefix("docker://")
        case Uses(action=uses) if uses.startswith(("./", "$/", ".\\")):
            return "self"
        case Uses(action=uses):
            return "/".join(uses.partition("@")[0].split("/")[:2])
        case _:
            return "run"
