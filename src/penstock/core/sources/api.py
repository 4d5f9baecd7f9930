"""What others can call of a file, and which changes of it break them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """By the names that ast-grep has for its grammars; PYTHON is read by griffe."""

    PYTHON = "python"
    JAVASCRIPT = "javascript"
    TYPESCRIPT = "typescript"
    TSX = "tsx"
    GO = "go"
    RUST = "rust"
    JAVA = "java"

    @property
    def is_exact(self) -> bool:
        """Does a call there have to fit the declaration exactly: every parameter, every type."""
        return self in {Language.GO, Language.RUST, Language.JAVA}


_SUFFIXES: Mapping[str, Language] = {
    ".py": Language.PYTHON,
    ".js": Language.JAVASCRIPT,
    ".mjs": Language.JAVASCRIPT,
    ".cjs": Language.JAVASCRIPT,
    ".jsx": Language.JAVASCRIPT,
    ".ts": Language.TYPESCRIPT,
    ".mts": Language.TYPESCRIPT,
    ".cts": Language.TYPESCRIPT,
    ".tsx": Language.TSX,
    ".go": Language.GO,
    ".rs": Language.RUST,
    ".java": Language.JAVA,
}


def language_of(path: str) -> Language | None:
    """By the name's ending; None where its contents are not read."""
    name = path.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    return _SUFFIXES.get(f".{suffix.lower()}") if stem and dot else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One thing that others may use and that is no longer as it was. `line`: of the new file, or of the old one if it is gone there."""

    path: str
    line: int
    symbol: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.symbol}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A file of which something could not be told, and why."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """An exported name. `name` is qualified below its file or package; `line` counts from 1.

    `parameters` None: it is not called. In languages with types they are these, else names. `demanded`: whoever
    implements what it is part of has to have it.
    """

    name: str
    kind: str
    line: int
    parameters: tuple[str, ...] | None = None
    required: int = 0
    result: str = ""
    demanded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A symbol and the file that has it."""

    path: str
    symbol: Symbol


def breaks(before: Iterable[Placed], after: Iterable[Placed], *, exact: bool) -> Iterator[Break]:
    """Of all files that are one unit to others; in the order of the old symbols, then of what is newly demanded."""
    old = {placed.symbol.name: placed for placed in before}
    new = {placed.symbol.name: placed for placed in after}
    for name, was in old.items():
        now = new.get(name)
        if now is None:
            if _owner(name) not in old or _owner(name) in new:  # else its owner is said to be gone
                yield Break(
                    path=was.path, line=was.symbol.line, symbol=name, why=f"{was.symbol.kind} removed"
                )
        elif why := _changed(was.symbol, now.symbol, exact=exact):
            yield Break(path=now.path, line=now.symbol.line, symbol=name, why=why)
    for name, now in new.items():
        if now.symbol.demanded and name not in old and _owner(name) in old:
            why = f"{now.symbol.kind} added that every implementation has to have"
            yield Break(path=now.path, line=now.symbol.line, symbol=name, why=why)


def _owner(name: str) -> str:
    """Of a member, the type that it is part of."""
    return name.partition("(")[0].rpartition(".")[0]


def _changed(was: Symbol, now: Symbol, *, exact: bool) -> str:
    if was.kind != now.kind:
        return f"was a {was.kind}, is a {now.kind}"
    if was.parameters is None or now.parameters is None:
        return _retyped(was.result, now.result) if exact else ""
    if exact and was.parameters != now.parameters:
        return f"parameters ({_listed(was.parameters)}) became ({_listed(now.parameters)})"
    if now.required > was.required:
        return f"asks for {now.required} parameter{'s' if now.required > 1 else ''}, did for {was.required}"
    if not exact and _takes(now) < _takes(was):
        return f"parameters ({_listed(was.parameters)}) became ({_listed(now.parameters)})"
    return _retyped(was.result, now.result) if exact else ""


def _takes(symbol: Symbol) -> float:
    parameters = symbol.parameters or ()
    return float("inf") if parameters and parameters[-1].startswith("...") else len(parameters)


def _retyped(was: str, now: str) -> str:
    return f"type {_short(was) or 'none'} became {_short(now) or 'none'}" if was != now else ""


def _listed(parameters: tuple[str, ...]) -> str:
    return _short(", ".join(parameters))


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:119]}…"
