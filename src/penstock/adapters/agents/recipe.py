"""The proposer that runs recipes: from scratch twice, and once more on its own output."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from penstock.adapters.agents.definition import Recipe
from penstock.adapters.agents.recipes import Library, Listed
from penstock.adapters.agents.rules import RuleFailed, apply_rules
from penstock.core.ledger import canonical, sha256
from penstock.core.proposal import Brief, ProposalRefused, Proposed
from penstock.core.refs import Sha
from penstock.ports import Permanent, Repositories, Sandbox

_REFUSED_TREES = frozenset({"unsafe_tree", "too_large"})
_AGAIN = 3
_TAIL_CHARACTERS = 2000
_LIMITS = {
    "timeout": ("timeout", "was still running after {seconds} s"),
    "disk": ("too_large", "wrote more than the sandbox has room for, or its repository does not fit"),
    "memory": ("failed", "used more memory than the sandbox has"),
    "output": ("failed", "printed more than 256 KiB"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ran:
    tree: Sha
    duration_ms: int


class RecipeProposer:
    """Implements `Proposer`. What a recipe may touch is not judged here: the gates see the whole tree.

    A recipe cannot take a reviewer's words into account, so a brief's feedback changes nothing.
    """

    def __init__(self, library: Library, repositories: Repositories, sandbox: Sandbox, scratch: Path) -> None:
        self._library = library
        self._repositories = repositories
        self._sandbox = sandbox
        self._scratch = scratch

    def propose(self, brief: Brief) -> Proposed | ProposalRefused:
        listed = self._library.get(brief.recipe)
        if listed is None:
            known = ", ".join(self._library.names) or "none"
            return _refused("unknown_recipe", f"There is no recipe {brief.recipe}; there are: {known}.")
        self._scratch.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(prefix="proposal-", dir=self._scratch) as place:
                return self._propose(listed, brief, Path(place))
        except Permanent as error:
            if error.code not in _REFUSED_TREES:
                raise
            return _refused(error.code, f"What {brief.recipe} left behind cannot be taken: {error}")

    def _propose(self, listed: Listed, brief: Brief, place: Path) -> Proposed | ProposalRefused:
        """Three runs whose trees must be one: the first two from scratch, the third where the second ended."""
        ran: list[_Ran] = []
        for number, folder in enumerate((place / "first", place / "second", place / "second"), start=1):
            answer = self._run(listed.recipe, brief, folder)
            if isinstance(answer, ProposalRefused):
                return _on_own_output(answer) if number == _AGAIN else answer
            ran.append(answer)
            if answer.tree != ran[0].tree:
                return self._unequal(brief, ran[0].tree, answer.tree, again=number == _AGAIN)
        return Proposed(
            tree=ran[0].tree,
            backend="recipe",
            context=_context(listed, brief),
            duration_ms=sum(one.duration_ms for one in ran),
            repeats=len(ran),
        )

    def _run(self, recipe: Recipe, brief: Brief, folder: Path) -> _Ran | ProposalRefused:
        if not folder.exists():
            folder.mkdir()
            self._repositories.checkout(brief.repo, brief.base, folder)
        began = time.monotonic()
        refused = self._apply(recipe, folder)
        if refused:
            return refused
        duration_ms = int((time.monotonic() - began) * 1000)
        return _Ran(tree=self._repositories.capture(brief.repo, brief.base, folder), duration_ms=duration_ms)

    def _apply(self, recipe: Recipe, folder: Path) -> ProposalRefused | None:
        if recipe.rules:
            try:
                apply_rules(recipe.rules, folder)
            except RuleFailed as error:
                return _refused("failed", f"{recipe.name}: {error}.")
            return None
        result = self._sandbox.run(recipe.run, folder, timeout_seconds=recipe.timeout_seconds)
        if result.limit:
            code, what = _LIMITS[result.limit]
            said = what.format(seconds=recipe.timeout_seconds)
            return _refused(code, f"{recipe.name} {said} and was ended.{_tail(result.output)}")
        if result.exit_code:
            return _refused("failed", f"{recipe.name} exited with {result.exit_code}.{_tail(result.output)}")
        return None

    def _unequal(self, brief: Brief, first: Sha, other: Sha, *, again: bool) -> ProposalRefused:
        edits = self._repositories.edits(brief.repo, first, other)
        paths = ", ".join(edit.path for edit in edits[:5]) + (", …" if len(edits) > 5 else "")
        if again:
            return _refused(
                "not_idempotent",
                f"{brief.recipe} changed its own output when it was run on it again: {paths}",
            )
        return _refused("not_deterministic", f"{brief.recipe} gave two results on the same files: {paths}")


def _context(listed: Listed, brief: Brief) -> str:
    """Digest of all that the result depends on: the recipe's text and the base commit of a repository."""
    return sha256(canonical(["recipe", listed.text, brief.repo.forge, brief.repo.node_id, brief.base]))


def _on_own_output(refused: ProposalRefused) -> ProposalRefused:
    """A failure that the first two runs did not have comes from what they left."""
    code = "not_idempotent" if refused.code == "failed" else refused.code
    return _refused(code, f"Run again on its own output, {refused.detail}")


def _refused(code: str, detail: str) -> ProposalRefused:
    return ProposalRefused(code=code, detail=detail)


def _tail(output: str) -> str:
    """The end of what a command printed, as it could appear in a sentence's company."""
    plain = "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in output)
    return f" It printed last:\n{plain[-_TAIL_CHARACTERS:]}" if plain.strip() else ""
