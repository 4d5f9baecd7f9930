"""The recipes there are, read from folders of YAML files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from penstock.adapters.agents.definition import RECIPE, Match, Recipe
from penstock.core.document import MAX_BYTES, Rejected, parse
from penstock.core.proposal import RecipeCard, matches_any
from penstock.ports import Permanent

_AT_ONCE = 200

Read = Callable[[Sequence[str]], Mapping[str, bytes]]
"""Contents of those files that exist."""


def recipe_folders(*more: Path) -> tuple[Path, ...]:
    """Where recipes are: those shipped, the working directory's own, then more, as far as they are there."""
    package = Path(__file__).parents[2]
    shipped, source = package / "recipes", package.parents[1] / "recipes"
    places = (shipped if shipped.is_dir() else source, Path("recipes").absolute(), *more)
    return tuple(dict.fromkeys(place for place in places if place.is_dir()))


class BadRecipes(Permanent):
    """Recipe files that are wrong; `problems` has a line for each problem: file, line, column, key, what to do."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("bad_recipes", "\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A recipe and the text that defines it."""

    recipe: Recipe
    text: str


class Library:
    """Implements `Recipes`."""

    def __init__(self, listed: Iterable[Listed]) -> None:
        self._listed = {one.recipe.name: one for one in listed}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._listed))

    def get(self, name: str) -> Listed | None:
        return self._listed.get(name)

    def matching(self, labels: frozenset[str], title: str) -> tuple[str, ...]:
        return tuple(name for name in self.names if _asks(self._listed[name].recipe.match, labels, title))

    def card(self, name: str) -> RecipeCard | None:
        listed = self._listed.get(name)
        if listed is None:
            return None
        recipe = listed.recipe
        return RecipeCard(
            name=recipe.name,
            title=recipe.title,
            description=recipe.description,
            complexity=recipe.complexity,
            allowed_paths=recipe.allowed_paths,
            text=listed.text,
        )

    def takes_part(self, name: str, full_name: str, paths: Sequence[str], read: Read) -> bool:
        listed = self._listed.get(name)
        if listed is None:
            return False
        match = listed.recipe.match
        if match.repositories and not any(_names(glob, full_name) for glob in match.repositories):
            return False
        if not match.files and not match.contains:
            return True
        candidates = [path for path in paths if not match.files or matches_any(path, match.files)]
        return (
            bool(candidates) if not match.contains else _contains(match.contains.encode(), candidates, read)
        )


def load_library(folders: Sequence[Path]) -> Library:
    """Every `*.yml` of the folders; a later folder's recipe takes the place of an earlier one's of the same name.

    Raises BadRecipes with all that is wrong in all of them.
    """
    found: list[Listed] = []
    problems: list[str] = []
    for path in (path for folder in folders for path in sorted(folder.glob("*.yml"))):
        match _load(path):
            case Listed() as listed:
                found.append(listed)
            case tuple() as lines:
                problems.extend(lines)
    if problems:
        raise BadRecipes(tuple(problems))
    return Library(found)


def _load(path: Path) -> Listed | tuple[str, ...]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        return (f"{path}: cannot be read: {error.strerror}",)
    recipe = parse(raw, RECIPE)
    if isinstance(recipe, Rejected):
        return tuple(problem.shown(str(path)) for problem in recipe.problems)
    if recipe.name != path.stem:
        return (f"{path}: name: is `{recipe.name}`; a recipe is named as its file is, `{path.stem}`",)
    return Listed(recipe=recipe, text=raw.decode())


def _asks(match: Match, labels: frozenset[str], title: str) -> bool:
    """Only labels give an issue authority to ask; without them a recipe runs on a person's request alone."""
    wanted = frozenset(match.labels)
    fits = not match.title or fnmatchcase(title.casefold(), match.title.casefold())
    return bool(wanted) and wanted <= labels and fits


def _names(glob: str, full_name: str) -> bool:
    return fnmatchcase(full_name if "/" in glob else full_name.rpartition("/")[2], glob)


def _contains(text: bytes, candidates: Sequence[str], read: Read) -> bool:
    return any(
        text in content
        for start in range(0, len(candidates), _AT_ONCE)
        for content in read(candidates[start : start + _AT_ONCE]).values()
    )


def problems_in(folders: Sequence[Path]) -> tuple[str, ...]:
    """What is wrong with recipe files, a line for each problem; empty where all is well."""
    try:
        load_library(folders)
    except BadRecipes as bad:
        return bad.problems
    return ()
