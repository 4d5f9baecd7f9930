"""Patch sets: what one repository would become. Immutable, and identified by their digest."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from unicodedata import normalize

from penstock.core.ledger import canonical, sha256
from penstock.core.refs import BlobRef, Digest, RepoRef, Sha

if TYPE_CHECKING:
    import pathspec


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchSet:
    """The proposed diffs for one repository at one base commit. The patch's text lives in a blob."""

    digest: Digest
    base_ref: str
    base_commit: Sha
    tree: Sha
    group: Digest
    files: int
    additions: int
    deletions: int
    patch: BlobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeCard:
    """What planning needs to know of a recipe. `text` is its definition, for artifacts and digests."""

    name: str
    title: str
    description: str
    complexity: int
    allowed_paths: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a proposer is asked: which recipe, on what, and a reviewer's or diagnosis's words if there are any."""

    recipe: str
    repo: RepoRef
    base: Sha
    feedback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """The resulting tree (the base's own tree: nothing to change) and how it came about."""

    tree: Sha
    backend: str
    context: str
    duration_ms: int
    repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRefused:
    """The agent's work cannot become a proposal. `code`: `failed`, `timeout`, `not_deterministic`,
    `not_idempotent`, `unsafe_tree`, `too_large`, `unknown_recipe`."""

    code: str
    detail: str


def patch_set_digest(repo: RepoRef, *, base_ref: str, base_commit: Sha, tree: Sha) -> Digest:
    """The identity of what is approved: (forge, repository node id, base ref, base commit, resulting tree)."""
    return sha256(canonical(["patch-set", repo.forge, repo.node_id, base_ref, base_commit, tree]))


def merge_digest(
    repo: RepoRef, *, base_ref: str, base_commit: Sha, head: Sha, method: str, tree: Sha
) -> Digest:
    """The identity of a merge: it names the real parent, the approved head, the method and the resulting tree."""
    return sha256(canonical(["merge", repo.forge, repo.node_id, base_ref, base_commit, head, method, tree]))


def matches_any(path: str, patterns: tuple[str, ...]) -> bool:
    """Does a path match one of the globs, read as `.gitignore` reads them (a pattern without a slash: at any depth)."""
    return _compiled(patterns).match_file(path)


def names_any(path: str, patterns: tuple[str, ...]) -> bool:
    """As `matches_any`, whatever the case or Unicode composition: some checkouts take such paths for one file."""
    return matches_any(folded(path), tuple(map(folded, patterns)))


def folded(text: str) -> str:
    """The same for all spellings that such a checkout takes for one."""
    return normalize("NFC", normalize("NFC", text).casefold())


@lru_cache(maxsize=256)
def _compiled(patterns: tuple[str, ...]) -> "pathspec.PathSpec[pathspec.Pattern]":
    """With its plain engine, whatever else is installed: it would take RE2 or hyperscan where it finds them."""
    import pathspec

    return pathspec.PathSpec.from_lines("gitignore", patterns, backend="simple")
