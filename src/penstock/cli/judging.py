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
from penstock.adapters.git.patching import MAX_BYTES, apply_patch
from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.cli.looking import find_change, named, sorted_out
from penstock.core.evidence import DiffFacts
from penstock.core.gates import judge_patches
from penstock.core.policy.patches import Scope
from penstock.core.policy.rules import Policy
from penstock.core.refs import Sha
from penstock.core.risk import assess
from penstock.flows.whatif import Answer, Backtest, Opinion, backtest, opinion
from penstock.ports import Permanent
from penstock.settings import policy_of, read_config

ANYWHERE = ("**",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Onto:
    """What a patch goes onto: the commit that is checked out in a clone, or a folder's files."""

    source: Path
    scope: tuple[str, ...]


def check_patch(home: Installation, patch: str, onto: Onto, *, json: bool) -> Exit:
    """A patch, from a file or standard input (`-`), as git would apply it."""
    content = _content(patch)
    with tempfile.TemporaryDirectory(prefix="penstock-check-") as folder:
        imported = import_source(onto.source, Path(folder) / "source.git")
        git = Git(directory=imported.bare, environment=trusted_environment())
        facts = diff_facts(git, imported.commit, apply_patch(git, imported.commit, content), home.secrets)
    return _told(facts, _opinion(facts, onto.scope or ANYWHERE, home.policy), json=json)


def _content(patch: str) -> bytes:
    try:
        with sys.stdin.buffer if patch == "-" else Path(patch).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Permanent("no_patch", f"{patch}: cannot be read: {error.strerror}") from error


def _opinion(facts: DiffFacts, scope: tuple[str, ...], policy: Policy) -> Opinion:
    verdict = judge_patches(facts, Scope(allowed=scope), policy)
    return Opinion(verdict=verdict, risk=assess((facts,), dependents=None, policy=policy))


def check_pull(home: Installation, repository: str, number: int, *, json: bool) -> Exit:
    """A pull request, as its merge into today's base would be."""
    found = next(
        (
            (repo, facts)
            for repo, facts in home.fleet.repositories(home.reader)
            if repository.casefold() in {repo.full_name.casefold(), repo.name.casefold()}
        ),
        None,
    )
    if found is None:
        output.complain(f"{home.organization} has no repository {repository} that is in scope.")
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
    facts = home.mirrors.facts(repo, Sha(base), tree)
    return _told(facts, _opinion(facts, ANYWHERE, home.policy), json=json)


def _told(facts: DiffFacts, found: Opinion, *, json: bool) -> Exit:
    if json:
        output.as_json({"facts": facts, "opinion": found, "answer": found.answer})
        return _exit(found)
    for fact in facts.files:
        output.out.print(Text(f"{fact.status:12} {fact.path}  +{fact.additions} -{fact.deletions}"))
    return _shown(found)


def _shown(found: Opinion) -> Exit:
    output.out.print(output.brief_lines(found.verdict))
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


def check_change(home: Installation, name: str, policy: Policy, *, json: bool) -> Exit:
    """A recorded change, judged anew; nothing is recorded of it."""
    change = find_change(home, name)
    if change is None:
        return Exit.NO
    found = opinion(home.world, change, policy)
    if json:
        output.as_json({"change": change.id, "opinion": found, "answer": found.answer})
        return _exit(found)
    return _shown(found)


def candidate_of(path: Path) -> Policy:
    """The policy of another configuration file. Raises Misconfigured."""
    config, _ = read_config(path)
    return policy_of(config)


def try_candidate(home: Installation, path: Path, *, json: bool) -> Exit:
    """A candidate policy over every recorded change whose log holds."""
    changes, broken = sorted_out(home, ended=True)
    found = backtest(home.world, changes, candidate_of(path))
    if json:
        failed, known = found.outcomes
        counts = {answer.value: found.count(answer) for answer in Answer} | {"not_judged": found.count(None)}
        bound = f"{found.bound:.4f}"
        output.as_json(
            {"changes": found.tried, "counts": counts, "broke": failed, "of": known, "upper_bound_95": bound}
        )
    else:
        _tell(found)
    return named(broken)


def _tell(found: Backtest) -> None:
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
