"""A recipe, as `recipes/*.yml` defines it: a deterministic agent, and where it applies."""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import yaml
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter

from penstock.core.proposal import matches_any

USUAL_SECONDS, LONGEST_SECONDS = 120, 3600
_STRICT = ConfigDict(extra="forbid")


def _glob(pattern: str) -> str:
    matches_any("", (pattern,))  # raises ValueError for what is no pattern
    return pattern


def _inside(path: str) -> str:
    if not path or path.startswith("/") or ".." in PurePosixPath(path).parts or path.endswith("/"):
        raise ValueError("must be a file's path below the repository's root")
    return path


Glob = Annotated[str, Field(min_length=1), AfterValidator(_glob)]
"""A path pattern as `.gitignore` reads it."""
InnerPath = Annotated[str, AfterValidator(_inside)]
Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which issues ask for the recipe, and which repositories have something for it to do; all given must hold.

    `labels` must all be on the issue; a title is a stranger's word, so it narrows and never suffices. `title` and
    `repositories` are globs (`acme/*`, or a bare name), `files` path patterns of which one path must match, and
    `contains` a text in one such file.
    """

    __pydantic_config__ = _STRICT
    labels: tuple[Text, ...] = ()
    title: str = ""
    repositories: tuple[Text, ...] = ()
    files: tuple[Glob, ...] = ()
    contains: str = ""

    def __post_init__(self) -> None:
        if self.title and not self.labels:
            raise ValueError("`title` needs `labels`: a title alone must not start work")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace:
    """Replace a whole word in every file that matches."""

    __pydantic_config__ = _STRICT
    files: Annotated[tuple[Glob, ...], Field(min_length=1)]
    word: Text
    new: Annotated[str, Field(alias="with")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameFile:
    """Move one file, where it is."""

    __pydantic_config__ = _STRICT
    old: Annotated[InnerPath, Field(alias="from")]
    new: Annotated[InnerPath, Field(alias="to")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One step of a recipe that needs no program; exactly one of its keys is given."""

    __pydantic_config__ = _STRICT
    replace: Replace | None = None
    rename_file: RenameFile | None = None

    def __post_init__(self) -> None:
        if (self.replace is None) == (self.rename_file is None):
            raise ValueError("give exactly one of `replace` and `rename_file`")

    @property
    def step(self) -> Replace | RenameFile:
        step = self.replace or self.rename_file
        assert step is not None, "checked when it was made"  # noqa: S101
        return step


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """`run` is a shell command (`sh -e`), run in the repository's root. `complexity` is judged by G0."""

    __pydantic_config__ = _STRICT
    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
    title: Text
    description: str = ""
    match: Match = Match()
    run: str = ""
    rules: tuple[Rule, ...] = ()
    allowed_paths: Annotated[tuple[Glob, ...], Field(min_length=1)]
    timeout_seconds: Annotated[int, Field(ge=1, le=LONGEST_SECONDS)] = USUAL_SECONDS
    complexity: Annotated[int, Field(ge=0, le=10)] = 1

    def __post_init__(self) -> None:
        if bool(self.run.strip()) == bool(self.rules):
            raise ValueError("give exactly one of `run` and `rules`")


RECIPE = TypeAdapter(Recipe)


def ad_hoc(command: str, seconds: int = USUAL_SECONDS) -> Recipe:
    """The recipe of `penstock try --run`: a command on any path of the repositories that a person named.

    Raises ValueError for an empty command.
    """
    limited = "" if seconds == USUAL_SECONDS else f"\0{seconds}"
    digest = hashlib.sha256(f"{command}{limited}".encode()).hexdigest()
    title = f"Run {' '.join(command.split())[:80]}"
    return Recipe(
        name=f"run-{digest[:10]}", title=title, run=command, allowed_paths=("*",), timeout_seconds=seconds
    )


def written(recipe: Recipe) -> str:
    """The recipe as a file's text."""
    plain = RECIPE.dump_python(recipe, mode="json", by_alias=True, exclude_defaults=True)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)


def keep_ad_hoc(folder: Path, command: str, seconds: int = USUAL_SECONDS) -> str:
    """The name of the recipe that runs this command, written whole to where every worker reads it."""
    recipe = ad_hoc(command, seconds)
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{recipe.name}.draft"
    draft.write_text(written(recipe), encoding="utf-8")
    draft.replace(folder / f"{recipe.name}.yml")
    return recipe.name
