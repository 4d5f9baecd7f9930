"""`penstock policy show`: the policy in force, and where each of its values stands."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from rich.table import Table
from rich.text import Text

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.cli.promoted import amiss, document, known, line_of
from penstock.core.document import MAX_BYTES
from penstock.core.policy.layers import BUILT_IN_SOURCE, Layered, combine, read_layer
from penstock.core.policy.rules import ALWAYS_PROTECTED, NEVER_WRITABLE, Policy, Waiver, policy_digest
from penstock.core.policy.severity import BUILT_IN
from penstock.core.policy.tools import TOOLS, Known, rule_of
from penstock.core.routing.loading import Refused
from penstock.ports import Permanent


def show(home: Installation, layer: Path | None, *, json: bool) -> Exit:
    """With a file: as it would be where a repository has that as its layer."""
    found = _under(home.rules.layered, layer) if layer else home.rules.layered
    if isinstance(found, Refused):
        for problem in found.problems:
            output.complain(problem)
        return Exit.WRONG_USE
    now, promoted = home.clock.now(), known(home).governance.promoted
    if json:
        output.as_json(
            {
                "layers": [BUILT_IN_SOURCE, *found.sources],
                "digest": policy_digest(found.policy),
                "policy": found.policy,
                "origins": found.origins,
                "waivers": [
                    {"where": where, "waiver": waiver, "counts": _counts(found, waiver, now)}
                    for where, waiver in found.waivers
                ],
                "promoted": [document(one, home.store.texts()) for one in promoted],
                "unsure": list(found.unsure),
                "clashes": list(found.clashes),
            }
        )
        return Exit.DONE
    layers = " → ".join((BUILT_IN_SOURCE, *found.sources))
    output.out.print(Text(f"policy: {layers}\n{policy_digest(found.policy)}\n", style="dim"))
    output.out.print(_table(found))
    for where, waiver in found.waivers:
        said = (
            f"\n{waiver.rule} is waived on {', '.join(waiver.paths)} by {waiver.owner} "
            f"before {waiver.until:%Y-%m-%d} ({where}): {waiver.reason}"
        )
        output.out.print(Text(said + ("" if _counts(found, waiver, now) else "; it counts no more")))
    for one in promoted:
        output.out.print(Text("\n") + line_of(one, home.store.texts(), now))
    for problem in amiss(found):
        output.complain(problem)
    return Exit.DONE


def _under(top: Layered, path: Path) -> Layered | Refused:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Permanent("no_layer", f"{path}: cannot be read: {error.strerror}") from error
    found = read_layer(str(path), content)
    return found if isinstance(found, Refused) else combine(top, (found,))


def _counts(found: Layered, waiver: Waiver, now: datetime) -> bool:
    return waiver in found.policy.waivers and now < waiver.until


def _table(found: Layered) -> Table:
    policy = found.policy
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("what", "is", "from"):
        table.add_column(column, overflow="fold")
    values = {
        "pr_management.require_reviews": str(policy.required_reviews),
        "pr_management.require_code_owners": str(policy.code_owners).lower(),
        "safety.max_files": str(policy.max_files),
        "safety.max_changed_lines": str(policy.max_changed_lines),
        "policies.contents.max_function_complexity": str(policy.contents.max_function_complexity),
        "policies.contents.max_binary_kib": str(policy.contents.max_binary_bytes >> 10),
        "policies.contents.licenses": _licences(policy.contents.licences),
    }
    for key, value in values.items():
        table.add_row(key, output.cell(value), output.cell(found.origin(key)))
    lists = {
        "safety.protected_paths": policy.protected_paths,
        "safety.frozen_paths": policy.frozen_paths,
        "ci.required": policy.ci.required,
    }
    table.add_row("always protected", ", ".join(ALWAYS_PROTECTED), BUILT_IN_SOURCE)
    table.add_row("never changed", ", ".join(NEVER_WRITABLE), BUILT_IN_SOURCE)
    for key, names in lists.items():
        for name in names:
            table.add_row(key, output.cell(name), output.cell(found.origin(f"{key} {name}")))
        if not names:
            table.add_row(key, "none", BUILT_IN_SOURCE)
    tools = {rule_of(tool): versions for tool, versions in policy.tools}
    for rule in (*BUILT_IN, *policy.forbid, *tools):
        table.add_row(rule, _hardness(rule, found.policy, tools), output.cell(found.origin(f"rule {rule}")))
    return table


def _licences(allowed: tuple[str, ...] | None) -> str:
    return "any" if allowed is None else ", ".join(allowed) or "none"


def _hardness(rule: str, policy: Policy, tools: Mapping[str, str]) -> str:
    if rule in tools:
        nowhere = TOOLS[rule.removesuffix("_version")] is Known.NOWHERE
        return f"warn: {tools[rule]}, unknown" if nowhere else f"block unless {tools[rule]}"
    card = BUILT_IN.get(rule)
    if card is None or rule in policy.require:
        return "block"
    return "block, or warn" if card.partly else str(card.severity)
