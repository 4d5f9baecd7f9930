"""`action.yml`: what a local action takes, gives and does.

Source: docs.github.com, "Metadata syntax for GitHub Actions".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from localforge.actions.workflow.grammar import apply_grammar
from localforge.actions.workflow.model import Condition, InvalidWorkflow, Problem, Step
from localforge.actions.workflow.reader import Reader, items
from localforge.actions.workflow.tree import Node, literal, members
from localforge.actions.workflow.yaml_tree import YamlError, read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionInput:
    """An input; `default` is a node that may hold expressions."""

    required: bool
    default: Node | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """`using: composite`: steps."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """`using: node…`: a program, one before it, and one that ends the job."""

    main: str
    pre: str | None
    pre_condition: Condition
    post: str | None
    post_condition: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """What cannot run here: `docker`, or a word nobody knows."""

    using: str


Runs: TypeAlias = Composite | Program | Foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFile:
    """An action, read; inputs are named in lower case, `outputs` are nodes (composite) by name."""

    inputs: Mapping[str, ActionInput]
    outputs: Mapping[str, Node]
    runs: Runs


def read_action(path: str, text: str) -> ActionFile | InvalidWorkflow:
    """The action at `path`. Never raises for what the file says."""
    try:
        tree, problems = apply_grammar(read_yaml(text), "action-root")
    except YamlError as error:
        return InvalidWorkflow(path=path, problems=(Problem(message=error.message, at=error.at),))
    if problems:
        return InvalidWorkflow(path=path, problems=problems)
    top = members(tree)
    reader = Reader("action-if")
    runs = _runs(reader, members(top["runs"]))
    if reader.problems:
        return InvalidWorkflow(path=path, problems=tuple(reader.problems))
    outputs = {name: members(body).get("value") for name, body in members(top.get("outputs")).items()}
    return ActionFile(
        inputs={name.lower(): _input(members(body)) for name, body in members(top.get("inputs")).items()},
        outputs={name: value for name, value in outputs.items() if value is not None},
        runs=runs,
    )


def _runs(reader: Reader, keys: Mapping[str, Node]) -> Runs:
    using = literal(keys["using"])
    if using == "composite" and "steps" in keys:
        return Composite(steps=reader.steps(items(keys["steps"])))
    if using.startswith("node") and "main" in keys:
        return Program(
            main=literal(keys["main"]),
            pre=literal(keys["pre"]) if "pre" in keys else None,
            pre_condition=reader.condition(keys.get("pre-if"), "action-if", without="always()"),
            post=literal(keys["post"]) if "post" in keys else None,
            post_condition=reader.condition(keys.get("post-if"), "action-if", without="always()"),
        )
    return Foreign(using=using)


def _input(keys: Mapping[str, Node]) -> ActionInput:
    required = "required" in keys and literal(keys["required"]) == "true"
    return ActionInput(required=required, default=keys.get("default"))
