"""What the reading process is asked and answers, as JSON in one line each."""

from collections.abc import Mapping
from dataclasses import dataclass

from penstock.core.sources.api import Break, Language, Symbol
from penstock.core.sources.complexity import Tangle


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageQuestion:
    """What breaks between two states of a package, or of a module that is in none.

    Both are texts by their paths from the folder that the package, `name`, is in.
    """

    name: str
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextQuestion:
    """What a text exports, and how tangled its functions are."""

    language: Language
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One of the two, and after how many seconds the process may end itself."""

    seconds: int
    package: PackageQuestion | None = None
    text: TextQuestion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`problem`: why there is none. `breaks` have the paths of the texts; `unit` is what a text says it is part of."""

    problem: str = ""
    breaks: tuple[Break, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    tangles: tuple[Tangle, ...] = ()
    unit: str = ""
