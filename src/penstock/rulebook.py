"""Rules and policy as files: what a configuration names, read and put together; and what is in force while files change."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from penstock.core.document import MAX_BYTES, Place, Problem, Rejected, parse, parse_placed
from penstock.core.policy.documents import Policies
from penstock.core.policy.layers import Layer, Layered, combine, organization, read_layer
from penstock.core.policy.promoted import Promoted, with_promoted
from penstock.core.policy.rules import Policy
from penstock.core.routing.documents import EXAMPLES_FILE, RULES_FILE, ExamplesFile
from penstock.core.routing.loading import Part, Refused, Ruleset, ruleset
from penstock.core.routing.router import Router
from penstock.ports import Permanent

EXAMPLES = "routing-examples.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What of a configuration may be edited under a running process."""

    rules: Ruleset
    layered: Layered


def book(
    path: Path, own: Part, include: tuple[str, ...], demands: Policies, policy: Policy
) -> Book | Refused:
    """The rules and the policy of a configuration at `path` and of the files that it names. One problem, and there is none."""
    rules = rulebook(path, own, include)
    layered = _layered(path, own, demands, policy)
    problems = [problem for one in (rules, layered) if isinstance(one, Refused) for problem in one.problems]
    if isinstance(rules, Refused) or isinstance(layered, Refused):
        return Refused(problems=tuple(problems))
    return Book(rules=rules, layered=layered)


def _layered(path: Path, own: Part, demands: Policies, policy: Policy) -> Layered | Refused:
    top = organization(own.source, policy, demands, own.document)
    problems = list(top.problems) if isinstance(top, Refused) else []
    layers: list[Layer] = []
    for index, name in enumerate(demands.layers):
        found = _layer(path.parent / name) if name not in demands.layers[:index] else "is named above already"
        match found:
            case Layer():
                layers.append(found)
            case Refused():
                problems += found.problems
            case str():
                where = own.document.places.get(("policies", "layers", index), Place(line=1, column=1))
                wrong = Problem(place=where, key=f"policies.layers[{index}]", message=f"{name} {found}")
                problems.append(wrong.shown(own.source))
    if problems or isinstance(top, Refused):
        return Refused(problems=tuple(problems))
    return combine(top, layers)


def _layer(path: Path) -> Layer | Refused | str:
    """A layer, what is wrong with it, or why there is no such file."""
    if path.exists() and not path.is_file():
        return "is no file"
    try:
        return read_layer(str(path), _bytes(path))
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def rulebook(path: Path, own: Part, include: tuple[str, ...]) -> Ruleset | Refused:
    """The rules of a configuration at `path`: those of the files it includes, as they are named, then its own."""
    reading = _Reading(path.parent)
    parts = (*reading.included(own, include, (path.name,)), own)
    return Refused(problems=tuple(reading.problems)) if reading.problems else ruleset(parts)


class _Reading:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._included: dict[str, str] = {}
        self.problems: list[str] = []

    def included(self, part: Part, names: tuple[str, ...], chain: tuple[str, ...]) -> Iterator[Part]:
        """The files that a document includes, each after those that it includes itself. `chain` leads to it."""
        for index, name in enumerate(names):
            where = part.document.places.get(("include", index), Place(line=1, column=1))
            if problem := self._amiss(name, chain):
                wrong = Problem(place=where, key=f"include[{index}]", message=problem)
                self.problems.append(wrong.shown(part.source))
                continue
            self._included[name] = f"{part.source}:{where.line}"
            yield from self._read(name, (*chain, name))

    def _amiss(self, name: str, chain: tuple[str, ...]) -> str:
        if name in chain:
            return f"a cycle: {' → '.join((*chain[chain.index(name) :], name))}"
        if name in self._included:
            return f"{name} is included at {self._included[name]} already"
        return "" if (self._folder / name).is_file() else f"there is no file {self._folder / name}"

    def _read(self, name: str, chain: tuple[str, ...]) -> Iterator[Part]:
        path = self._folder / name
        found = parse_placed(_bytes(path), RULES_FILE)
        if isinstance(found, Rejected):
            self.problems.extend(problem.shown(str(path)) for problem in found.problems)
            return
        given, document = found
        part = Part(source=str(path), document=document, rules=given.routing, agents=given.agents)
        yield from self.included(part, given.include, chain)
        yield part


def read_examples(config: Path) -> ExamplesFile | Refused | None:
    """The examples beside a configuration; None where there are none."""
    path = config.with_name(EXAMPLES)
    if not path.exists():
        return None
    found = parse(_bytes(path), EXAMPLES_FILE)
    if isinstance(found, Rejected):
        return Refused(problems=tuple(problem.shown(str(path)) for problem in found.problems))
    return found


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


class InForce:
    """Rules and policy in force while their files may change under a process that goes on; all else is read once.

    `promoted`: the layers that people promoted, as they are now. Raises Permanent where that cannot be told.
    """

    def __init__(
        self,
        book: Book,
        path: Path | None,
        read: Callable[[Path], Book | Refused],
        promoted: Callable[[], tuple[Promoted, ...]],
    ) -> None:
        self.router = Router(book.rules)
        self._files = book.layered
        self._path, self._read = path, read
        self._seen = _stamps(path) if path else ()
        self._promoted = promoted
        self._known: tuple[Promoted, ...] = ()
        self._made: tuple[Layered, tuple[Promoted, ...], Layered] = (book.layered, (), book.layered)

    @property
    def layered(self) -> Layered:
        """The files' policy, with what is promoted under it. Where that cannot be told, with what last was, and unsure."""
        return self.beside_promoted(self._files)

    def beside_promoted(self, files: Layered) -> Layered:
        """What there would be with other files."""
        try:
            self._known = self._promoted()
        except Permanent as broken:
            known = with_promoted(files, self._known)
            return replace(known, unsure=(*known.unsure, str(broken)))
        above, promoted, made = self._made
        if above is not files or promoted != self._known:
            made = with_promoted(files, self._known)
            self._made = (files, self._known, made)
        return made

    def refresh(self) -> Ruleset | Refused | None:
        """Read them again if a file changed: what is in force now, or why it is still the previous; else None."""
        now = _stamps(self._path) if self._path else ()
        if self._path is None or now == self._seen:
            return None
        self._seen = now
        found = self._read(self._path)
        if isinstance(found, Refused):
            return found
        policy = replace(found.layered.policy, mode=self._files.policy.mode)
        self.router, self._files = Router(found.rules), replace(found.layered, policy=policy)
        return found.rules


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stamp:
    """How a file was when it was read: another stamp, and it is read again."""

    path: Path
    modified_ns: int
    size: int


def _stamps(config: Path) -> tuple[_Stamp, ...]:
    """Of the configuration, and of whatever it could include. What is not there has no stamp."""
    found = []
    beside = (path for folder in ("policies", "routing") for path in (config.parent / folder).glob("*.y*ml"))
    for path in (config, *sorted(beside)):
        try:
            status = path.stat()
        except OSError:
            continue
        found.append(_Stamp(path=path, modified_ns=status.st_mtime_ns, size=status.st_size))
    return tuple(found)
