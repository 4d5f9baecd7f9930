"""`penstock policy`: what the rules say of a patch, a pull request or a change, and what others would say."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from penstock.adapters.git.command import Git, trusted_environment
from penstock.adapters.git.facts import diff_facts
from penstock.adapters.git.local import import_source
from penstock.adapters.git.objects import files_at, paths_at
from penstock.adapters.git.patching import MAX_BYTES, apply_patch
from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.cli.looking import find_change, named, sorted_out
from penstock.core.document import MAX_BYTES as LONGEST
from penstock.core.evidence import DiffFacts, RepositoryFacts
from penstock.core.gates import judge_patches
from penstock.core.ledger import Break
from penstock.core.policy.layers import BUILT_IN_SOURCE, Layer, Layered, bound
from penstock.core.policy.patches import Scope
from penstock.core.policy.promoted import Candidate, candidate
from penstock.core.refs import RepoRef, Sha
from penstock.core.risk import assess
from penstock.core.routing.loading import Refused
from penstock.core.verdict import all_of
from penstock.flows.layering import POLICY_FILE, layer_at, layer_of
from penstock.flows.whatif import Answer, Backtest, Opinion, backtest, opinion
from penstock.ports import Permanent
from penstock.settings import Misconfigured, read_config

ANYWHERE = ("**",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Onto:
    """What a patch goes onto: the commit that is checked out in a clone, or a folder's files. `of`: the repository at the
    forge whose alerts are asked; empty: of none."""

    source: Path
    scope: tuple[str, ...]
    of: str = ""


def check_patch(home: Installation, patch: str, onto: Onto, *, json: bool) -> Exit:
    """A patch, from a file or standard input (`-`), as git would apply it."""
    content = _content(patch)
    there = _named(home, onto.of) if onto.of else None
    if onto.of and there is None:
        return Exit.NO
    with tempfile.TemporaryDirectory(prefix="penstock-check-") as folder:
        imported = import_source(onto.source, Path(folder) / "source.git")
        git = Git(directory=imported.bare, environment=trusted_environment())
        proposed = diff_facts(git, imported.commit, apply_patch(git, imported.commit, content), home.secrets)
        own = files_at(git, imported.commit, (POLICY_FILE,)).get(POLICY_FILE)
        layer = layer_of(imported.name, frozenset(paths_at(git, imported.commit)), own)
    facts = home.auditor.known(proposed, there[0] if there else None)
    return _told(facts, _opinion(home, facts, onto.scope or ANYWHERE, layer), home.rules.layered, json=json)


def _content(patch: str) -> bytes:
    try:
        with sys.stdin.buffer if patch == "-" else Path(patch).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Permanent("no_patch", f"{patch}: cannot be read: {error.strerror}") from error


def _opinion(
    home: Installation, facts: DiffFacts, scope: tuple[str, ...], layer: Layer | Refused | None
) -> Opinion:
    """By today's policy with the repository's layer, as it is at the base."""
    today = home.rules.layered
    binding = bound(today.policy, today, layer, layer)
    verdict = judge_patches(facts, Scope(allowed=scope), binding.current, home.clock.now())
    if binding.layer:
        verdict = all_of(verdict.rule, (*verdict.children, binding.layer))
    return Opinion(verdict=verdict, risk=assess((facts,), dependents=None, policy=binding.current))


def _named(home: Installation, repository: str) -> tuple[RepoRef, RepositoryFacts] | None:
    """A repository of the fleet, by its name with or without the owner's; None, with a complaint, where there is none."""
    for repo, facts in home.fleet.repositories(home.reader):
        if repository.casefold() in {repo.full_name.casefold(), repo.name.casefold()}:
            return repo, facts
    output.complain(f"{home.organization} has no repository {repository} that is in scope.")
    return None


def check_pull(home: Installation, repository: str, number: int, *, json: bool) -> Exit:
    """A pull request, as its merge into today's base would be."""
    found = _named(home, repository)
    if found is None:
        return Exit.NO
    repo, where = found
    pull = home.reader.pull(repo, number)
    base = home.reader.branch_head(repo, pull.base_ref) if pull else None
    if pull is None or base is None:
        output.complain(f"{repo.full_name} has no pull request #{number}.")
        return Exit.NO
    if not pull.open:
        output.complain(f"{repo.full_name}#{number} is closed; only what is open is judged.")
        return Exit.NO
    home.mirrors.sync(repo, where.clone_url, (base, pull.head))
    tree = home.mirrors.merge_tree(repo, base, pull.head)
    if tree is None:
        output.complain(
            f"{repo.full_name}#{number} conflicts with {pull.base_ref}: no tree, nothing to judge."
        )
        return Exit.NO
    facts = home.auditor.known(home.mirrors.facts(repo, Sha(base), tree), repo)
    layer = layer_at(home.mirrors, repo, Sha(base))
    return _told(facts, _opinion(home, facts, ANYWHERE, layer), home.rules.layered, json=json)


def _told(facts: DiffFacts, found: Opinion, today: Layered, *, json: bool) -> Exit:
    if json:
        output.as_json(
            {"facts": facts, "opinion": found, "answer": found.answer, "layers": list(today.sources)}
        )
        return _exit(found)
    for fact in facts.files:
        output.out.print(Text(f"{fact.status:12} {fact.path}  +{fact.additions} -{fact.deletions}"))
    return _shown(found, today)


def _shown(found: Opinion, today: Layered) -> Exit:
    """The repository's own layer is in the tree."""
    output.out.print(output.brief_lines(found.verdict))
    output.out.print(Text(f"policy: {' → '.join((BUILT_IN_SOURCE, *today.sources))}", style="dim"))
    reasons = "; ".join(f"{item.points:+d} {item.reason}" for item in found.risk.items)
    output.out.print(Text(f"risk {found.risk.tier} ({found.risk.score}): {reasons}", style="dim"))
    output.out.print(Text(SENTENCES[found.answer], style=STYLES[found.answer]))
    return _exit(found)


SENTENCES = {
    Answer.APPROVE: "Nothing stands against it; above, ! marks what deserves a look.",
    Answer.ESCALATE: "A person has to look: something could not be told, or the risk is high.",
    Answer.BLOCK: "Blocked: above, ✗ marks the rule that says no, and why.",
}
STYLES = {Answer.APPROVE: "green", Answer.ESCALATE: "magenta", Answer.BLOCK: "red"}


def _exit(found: Opinion) -> Exit:
    return {Answer.APPROVE: Exit.DONE, Answer.ESCALATE: Exit.WAITS, Answer.BLOCK: Exit.NO}[found.answer]


def check_change(home: Installation, name: str, policy: Layered, *, json: bool) -> Exit:
    """A recorded change, judged anew; nothing is recorded of it."""
    change = find_change(home, name)
    if change is None:
        return Exit.NO
    found = opinion(home.world, change, policy)
    if json:
        document = {"change": change.id, "opinion": found, "answer": found.answer}
        output.as_json({**document, "layers": list(policy.sources)})
        return _exit(found)
    return _shown(found, policy)


def candidate_of(home: Installation, path: Path, *, layer: bool) -> Layered:
    """The policy that there would be with another configuration, or with one more layer. Raises Misconfigured."""
    if layer:
        return candidate_layer(home, path).layered
    return home.rules.beside_promoted(read_config(path)[1].layered)


def candidate_layer(home: Installation, path: Path) -> Candidate:
    """A file as one more layer under today's policy. Raises Misconfigured."""
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise Misconfigured(problems=(f"{path}: cannot be read: {error.strerror}",)) from error
    found = candidate(str(path), content, home.rules.layered)
    if isinstance(found, Refused):
        raise Misconfigured(problems=found.problems)
    return found


def tried(home: Installation, policy: Layered) -> tuple[Backtest, tuple[Break, ...]]:
    """A policy over every recorded change whose log holds; and what is wrong with the others."""
    changes, broken = sorted_out(home, ended=True)
    return backtest(home.world, changes, policy), broken


def try_candidate(home: Installation, policy: Layered, *, json: bool) -> Exit:
    """A candidate policy over what is recorded."""
    found, broken = tried(home, policy)
    if json:
        failed, known = found.outcomes
        counts = {answer.value: found.count(answer) for answer in Answer} | {"not_judged": found.count(None)}
        bound = f"{found.bound:.4f}"
        output.as_json(
            {"changes": found.tried, "counts": counts, "broke": failed, "of": known, "upper_bound_95": bound}
        )
    else:
        tell_backtest(found)
    return named(broken)


def tell_backtest(found: Backtest) -> None:
    """What it would have made of each change, and what that proves."""
    if not found.tried:
        output.say("No recorded change has a patch set yet; there is nothing to try a policy on.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("change", "would be", "became"):
        table.add_column(column, overflow="fold")
    for one in found.tried:
        table.add_row(one.change, one.answer or output.cell(f"not judged: {one.problem}"), one.fate)
    output.out.print(table)
    failed, known = found.outcomes
    output.say(
        f"\n{found.count(Answer.APPROVE)} approved, {found.count(Answer.ESCALATE)} left to a person, "
        f"{found.count(Answer.BLOCK)} blocked, {found.count(None)} not judged."
    )
    if not known:
        output.say("Of none of those approved the outcome is known yet, so nothing is proven of it.")
        return
    output.say(
        f"Of those approved whose outcome is known, {failed} of {known} were taken back: "
        f"with 95 % confidence, at most {found.bound:.1%} of such changes break."
    )
