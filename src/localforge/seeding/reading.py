"""A description from YAML: every mistake with its file, line, key, and the nearest name that would be right."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from localforge.actions.workflow import tree
from localforge.actions.workflow.yaml_tree import YamlError, read_yaml
from localforge.seeding.model import Description

# Keys and indices from the root of the file to a value.
Place: TypeAlias = tuple[str | int, ...]

MOST_NODES = 5_000_000
_ADAPTER = TypeAdapter(Description)
_WORDS = {"missing": "is missing", "string_type": "must be text", "bool_type": "must be true or false"}


class DescriptionError(ValueError):
    """A description that is not planted: one sentence for each mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong, and where; `at` when the place alone does not tell."""

    place: Place
    words: str
    at: tree.Mark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that was read: its description, and where everything stands in it."""

    path: Path
    root: tree.Node
    description: Description

    def refuse(self, mistakes: Iterable[Mistake]) -> None:
        """Raise a DescriptionError when there are any."""
        _refuse(self.path, self.root, mistakes)


def read(path: Path) -> Source:
    """The description in a file (of a folder: its `seed.yml`). DescriptionError when it is not one."""
    if path.is_dir():
        path /= "seed.yml"
    try:
        root = read_yaml(path.read_text(encoding="utf-8"), max_nodes=MOST_NODES, fast=True)
    except (YamlError, UnicodeDecodeError) as error:
        at = getattr(error, "at", None)
        where = f"{path}:{at.line}:{at.column}" if at else str(path)
        raise DescriptionError(f"{where}: {error}") from error
    _refuse(path, root, _doubled(root, ()))
    try:
        return Source(path=path, root=root, description=_ADAPTER.validate_json(json.dumps(_plain(root))))
    except ValidationError as error:
        mistakes = [
            Mistake(place=entry["loc"], words=_words(entry["loc"], entry["type"], entry["msg"]))
            for entry in error.errors(include_url=False, include_input=False)
        ]
        _refuse(path, root, mistakes)
        raise  # a validation error has at least one entry


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?`, when something known is like the name."""
    found = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""


def _doubled(node: tree.Node, place: Place) -> Iterator[Mistake]:
    """Keys that are there twice: YAML forbids them, its readers let the last one win."""
    if isinstance(node, tree.Sequence):
        for index, item in enumerate(node.items):
            yield from _doubled(item, (*place, index))
    elif isinstance(node, tree.Mapping):
        seen = set()
        for key, value in node.pairs:
            own = (*place, str(key.value))
            if own in seen:
                yield Mistake(place=own, words="is there twice", at=key.at)
            seen.add(own)
            yield from _doubled(value, own)


def _refuse(path: Path, root: tree.Node, mistakes: Iterable[Mistake]) -> None:
    placed = [(mistake.at or _mark(root, mistake.place), mistake) for mistake in mistakes]
    placed.sort(key=lambda pair: (pair[0].line, pair[0].column))
    if placed:
        raise DescriptionError(
            "\n".join(
                f"{path}:{at.line}:{at.column}: {spelled(mistake.place)}: {mistake.words}"
                for at, mistake in placed
            )
        )


def spelled(place: Place) -> str:
    """`repositories[0].issues[2].title`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _words(place: Place, kind: str, message: str) -> str:
    if kind == "unexpected_keyword_argument":
        return f"unknown key{nearest(str(place[-1]), _keys_at(place[:-1]))}"
    return _WORDS.get(kind, message[:1].lower() + message[1:])


def _keys_at(place: Place) -> list[str]:
    """The keys that the model knows at a place."""
    model: object = Description
    for part in place:
        inner = [kind for kind in get_args(model) if kind is not type(None)]
        if isinstance(part, str) and isinstance(model, type) and is_dataclass(model):
            model = get_type_hints(model)[part]
        else:
            model = inner[-1]
    return [entry.name for entry in fields(model)] if isinstance(model, type) and is_dataclass(model) else []


def _mark(node: tree.Node, place: Place) -> tree.Mark:
    """Where the value, or its key, stands; the nearest thing around what is not there."""
    at = node.at
    for part in place:
        match node, part:
            case tree.Mapping(), _:
                found = next(((key, value) for key, value in node.pairs if key.value == part), None)
                if found is None:
                    return at
                at, node = found[0].at, found[1]
            case tree.Sequence(), int():
                node = node.items[part]
                at = node.at
            case _:
                return at
    return at


def _plain(node: tree.Node) -> object:
    match node:
        case tree.Mapping():
            return {str(key.value): _plain(value) for key, value in node.pairs}
        case tree.Sequence():
            return [_plain(item) for item in node.items]
        case tree.Scalar(value=float() as number) if number.is_integer():
            return int(number)
        case _:
            return node.value


def described(paths: Sequence[Path]) -> Description:
    """What `--from-clones` means: one organization `local` of one user `owner`, a repository for each clone."""
    from localforge.seeding.model import Organization, Repository, User

    names: Mapping[str, Path] = {path.resolve().name.removesuffix(".git"): path for path in paths}
    if len(names) < len(paths):
        raise DescriptionError("two of the clones have the same name: describe them in a file instead")
    return Description(
        users=[User(login="owner", name="Owner", email="owner@localhost")],
        organizations=[Organization(login="local", members={"owner": "admin"})],
        repositories=[
            Repository(name=f"local/{name}", clone=str(path.resolve())) for name, path in names.items()
        ],
    )
