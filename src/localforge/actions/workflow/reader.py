"""Workflow text to a `Workflow`, or to everything that is wrong with it."""

import re
from collections.abc import Iterable, Mapping

from localforge.actions.expressions import ExpressionError, calls, parse
from localforge.actions.workflow import identifiers, triggers
from localforge.actions.workflow.grammar import apply_grammar
from localforge.actions.workflow.model import (
    Call,
    Condition,
    Defaults,
    InvalidWorkflow,
    Job,
    Problem,
    Run,
    Step,
    StepAction,
    Unsupported,
    Uses,
    Workflow,
)
from localforge.actions.workflow.schema import place, scope
from localforge.actions.workflow.template import Template
from localforge.actions.workflow.tree import Mapping as MappingNode
from localforge.actions.workflow.tree import Node, Scalar, Sequence, literal, literals, members
from localforge.actions.workflow.yaml_tree import MAX_DEPTH, YamlError, read_yaml

PERMISSIONS = (
    *(
        "actions",
        "attestations",
        "checks",
        "contents",
        "deployments",
        "discussions",
        "id-token",
        "issues",
        "models",
    ),
    *("packages", "pages", "pull-requests", "repository-projects", "security-events", "statuses"),
)
_STATUS = frozenset({"success", "failure", "cancelled", "always"})
_NEVER = Condition(template=Template(source="", parts=("",)), names_status=True)
_UNSUPPORTED_JOB_KEYS = ("container", "services", "snapshot")
_CALLED = re.compile(
    r"[.$]/\.github/workflows/[^/@]+\.ya?ml|[^/@]+/[^/@]+/\.github/workflows/[^/@]+\.ya?ml@.+"
)
_WRONG_CALL = (
    "invalid value workflow reference: references to workflows must be prefixed with format"
    " 'owner/repository/path/to/workflow@ref' or './path/to/workflow'"
)
_WRONG_CRON = "Invalid cron expression. Expected format is '* * * * *' (minute hour day month weekday)"
_UNSUPPORTED_STEPS = ("wait", "wait-all", "cancel", "parallel")


def read_workflow(path: str, text: str, *, max_depth: int = MAX_DEPTH) -> Workflow | InvalidWorkflow:
    """The workflow at `path` (relative to the repository's root). Never raises for what the file says."""
    try:
        tree, problems = apply_grammar(read_yaml(text, max_depth=max_depth))
    except YamlError as error:
        return InvalidWorkflow(path=path, problems=(Problem(message=error.message, at=error.at),))
    if problems:
        return InvalidWorkflow(path=path, problems=problems)
    reader = Reader()
    workflow = reader.workflow(path, tree)
    if reader.problems:
        return InvalidWorkflow(path=path, problems=tuple(reader.problems))
    return workflow


class Reader:
    """Turns a tree that keeps to the grammar into the model; notes what the grammar cannot see.

    `step_if` is what the grammar calls the condition of a step here.
    """

    def __init__(self, step_if: str = "step-if") -> None:
        self.problems: list[Problem] = []
        self._step_if = step_if

    def _refuse(self, node: Node, message: str) -> None:
        self.problems.append(Problem(message=message, at=node.at))

    def workflow(self, path: str, tree: Node) -> Workflow:
        top = members(tree)
        for cron in triggers.wrong_crons(top["on"]):
            self._refuse(cron, _WRONG_CRON)
        return Workflow(
            path=path,
            name=literal(top["name"]) if "name" in top else None,
            run_name=top.get("run-name"),
            triggers=triggers.read_triggers(top["on"]),
            env=top.get("env"),
            defaults=_defaults(top.get("defaults")),
            permissions=_permissions(top.get("permissions")),
            concurrency=top.get("concurrency"),
            jobs=self._jobs(top["jobs"]),
        )

    def _jobs(self, node: Node) -> tuple[Job, ...]:
        pairs = node.pairs if isinstance(node, MappingNode) else ()
        for key, _ in pairs:
            if refusal := identifiers.refusal(literal(key), set()):
                self._refuse(key, refusal)
        self._check_needs(node, {literal(key): members(body) for key, body in pairs})
        return tuple(self._job(key, body) for key, body in pairs)

    def _check_needs(self, node: Node, jobs: Mapping[str, Mapping[str, Node]]) -> None:
        waiting = {job: items(keys.get("needs")) for job, keys in jobs.items()}
        if not any(not needs for needs in waiting.values()):
            self._refuse(node, "The workflow must contain at least one job with no dependencies.")
            return
        done: set[str] = set()
        while (
            ready := {job for job, needs in waiting.items() if all(literal(n) in done for n in needs)} - done
        ):
            done |= ready
        for job in waiting.keys() - done:
            for need in waiting[job]:
                name = literal(need)
                if name not in jobs:
                    self._refuse(need, f"Job '{job}' depends on unknown job '{name}'.")
                elif name not in done:
                    cycle = f"depends on job '{name}' which creates a cycle in the dependency graph."
                    self._refuse(need, f"Job '{job}' {cycle}")

    def _job(self, key: Node, body: Node) -> Job:
        keys = members(body)
        self._check_matrix(keys.get("strategy"))
        return Job(
            id=literal(key),
            at=body.at,
            name=keys.get("name"),
            needs=literals(keys.get("needs")) or (),
            condition=self.condition(keys.get("if"), "job-if"),
            runs_on=keys.get("runs-on"),
            strategy=keys.get("strategy"),
            env=keys.get("env"),
            defaults=_defaults(keys.get("defaults")),
            outputs=keys.get("outputs"),
            steps=self.steps(items(keys.get("steps"))),
            timeout_minutes=keys.get("timeout-minutes"),
            continue_on_error=keys.get("continue-on-error"),
            concurrency=keys.get("concurrency"),
            permissions=_permissions(keys.get("permissions")),
            call=self._call(keys) if "uses" in keys else None,
            key_at=key.at,
            unsupported=tuple(key for key in _UNSUPPORTED_JOB_KEYS if key in keys),
        )

    def _call(self, keys: Mapping[str, Node]) -> Call:
        uses, secrets = literal(keys["uses"]), keys.get("secrets")
        if not _CALLED.fullmatch(uses):
            self._refuse(keys["uses"], _WRONG_CALL)
        return Call(
            uses=uses,
            at=keys["uses"].at,
            inputs=members(keys.get("with")),
            secrets=members(secrets),
            inherits=isinstance(secrets, Scalar),
        )

    def _check_matrix(self, strategy: Node | None) -> None:
        for name, vector in members(members(strategy).get("matrix")).items():
            if isinstance(vector, Sequence) and not vector.items and name not in {"include", "exclude"}:
                self._refuse(vector, f"Matrix vector '{name}' does not contain any values")

    def steps(self, nodes: Iterable[Node]) -> tuple[Step, ...]:
        bodies = [(node, members(node)) for node in nodes]
        taken: set[str] = set()
        for _, keys in bodies:
            if identifier := keys.get("id"):
                if refusal := identifiers.refusal(literal(identifier), taken):
                    self._refuse(identifier, refusal)
                taken.add(literal(identifier))
        return tuple(self._step(node, keys, taken) for node, keys in bodies)

    def _step(self, node: Node, keys: Mapping[str, Node], taken: set[str]) -> Step:
        action = self._action(keys)
        step_id = literal(keys["id"]) if "id" in keys else identifiers.generated(action, taken)
        taken.add(step_id)
        return Step(
            id=step_id,
            at=node.at,
            name=keys.get("name"),
            condition=self.condition(keys.get("if"), self._step_if),
            action=action,
            env=keys.get("env"),
            continue_on_error=keys.get("continue-on-error"),
            timeout_minutes=keys.get("timeout-minutes"),
        )

    def _action(self, keys: Mapping[str, Node]) -> StepAction:
        if "background" in keys:
            return Unsupported(what="background")
        if "run" in keys:
            return Run(
                script=keys["run"], shell=keys.get("shell"), working_directory=keys.get("working-directory")
            )
        if "uses" not in keys:
            return Unsupported(what=next(name for name in _UNSUPPORTED_STEPS if name in keys))
        uses = literal(keys["uses"])
        if not _names_an_action(uses):
            self._refuse(keys["uses"], f"Expected format {{org}}/{{repo}}[/path]@ref. Actual '{uses}'")
        return Uses(action=uses, inputs=keys.get("with"))

    def condition(self, node: Node | None, kind: str, without: str = "success()") -> Condition:
        if isinstance(node, Scalar) and isinstance(node.value, Template):
            return Condition(template=node.value, names_status=_names_status(node.value))
        text = (literal(node).strip() if node else "") or without
        try:
            tree = parse(text, scope(place(kind, frozenset()).context))
        except ExpressionError as error:
            self.problems.append(Problem(message=error.message, at=node.at if node else None))
            return _NEVER
        template = Template(source=text, parts=(tree,))
        return Condition(template=template, names_status=_names_status(template))


def _names_status(template: Template) -> bool:
    trees = (part for part in template.parts if not isinstance(part, str))
    return any(call.name in _STATUS for tree in trees for call in calls(tree))


def items(node: Node | None) -> tuple[Node, ...]:
    if isinstance(node, Sequence):
        return node.items
    return () if node is None else (node,)


def _names_an_action(uses: str) -> bool:
    if uses.startswith(("docker://", "./", "$/", ".\\")):
        return True
    repository, at, ref = uses.partition("@")
    segments = [segment for segment in repository.replace("\\", "/").split("/") if segment]
    return len(segments) >= 2 and bool(at) and bool(ref) and "@" not in ref


def _defaults(node: Node | None) -> Defaults:
    run = members(members(node).get("run"))
    return Defaults(shell=run.get("shell"), working_directory=run.get("working-directory"))


def _permissions(node: Node | None) -> Mapping[str, str] | None:
    match node:
        case None:
            return None
        case MappingNode():
            return {name: literal(level) for name, level in members(node).items()}
        case _:
            level = literal(node).removesuffix("-all")
            return dict.fromkeys(PERMISSIONS, level)
