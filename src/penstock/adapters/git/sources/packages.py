"""What breaks between two states of a Python package, by griffe: it parses, and never imports or runs what it reads."""

from collections.abc import Iterator
from pathlib import Path

from griffe import (
    Alias,
    Breakage,
    BreakageKind,
    GriffeLoader,
    Module,
    Object,
    Parameter,
    find_breaking_changes,
)

from penstock.adapters.git.sources.questions import PackageQuestion
from penstock.core.sources.api import Break

MOST = 200
"""Breaks that are told of one package."""
_SAID = {
    BreakageKind.OBJECT_REMOVED: "removed",
    BreakageKind.OBJECT_CHANGED_KIND: "was a {old}, is a {new}",
    BreakageKind.PARAMETER_REMOVED: "parameter {old} removed",
    BreakageKind.PARAMETER_MOVED: "parameter {old} has another position",
    BreakageKind.PARAMETER_CHANGED_KIND: "parameter {old} is passed in another way",
    BreakageKind.PARAMETER_CHANGED_REQUIRED: "parameter {old} has no default any more",
    BreakageKind.PARAMETER_ADDED_REQUIRED: "parameter {new} added without a default",
    BreakageKind.CLASS_REMOVED_BASE: "a base class removed",
}
"""Of the others it cannot be told whether they break anything: another value, another default, another annotation."""


def broken(question: PackageQuestion) -> tuple[Break, ...]:
    """Each once, although a name may be reached in several ways."""
    before, after = Path(question.before), Path(question.after)
    old, new = (_loaded(question.name, folder) for folder in (before, after))
    if old is None:
        return ()
    if new is None:
        path = _place(old, (before, after))
        return (Break(path=path, line=1, symbol=question.name, why="removed"),)
    found: dict[tuple[str, int, str], Break] = {}
    for each in _all(old, new, (before, after)):
        found.setdefault((each.path, each.line, each.why), each)
        if len(found) == MOST:
            break
    return tuple(found.values())


def _all(old: Module, new: Module, folders: tuple[Path, Path]) -> Iterator[Break]:
    for breakage in find_breaking_changes(old, new):
        if breakage.kind in _SAID:
            yield _break(breakage, folders)


def _loaded(name: str, folder: Path) -> Module | None:
    loader = GriffeLoader(search_paths=[folder], allow_inspection=False, store_source=False)
    try:
        found = loader.load(name, try_relative_path=False)
    except ImportError:
        return None
    loader.resolve_aliases(implicit=True, external=False)
    return found if isinstance(found, Module) else None


def _break(breakage: Breakage, folders: tuple[Path, Path]) -> Break:
    changed = breakage.obj
    line = _line(changed)
    why = _SAID[breakage.kind].format(old=_name(breakage.old_value), new=_name(breakage.new_value))
    return Break(path=_place(changed, folders), line=line or 1, symbol=changed.path, why=why)


def _line(changed: Object | Alias) -> int | None:
    return changed.alias_lineno if isinstance(changed, Alias) else changed.lineno


def _name(value: object) -> str:
    """An alias may lead out of what was read."""
    return value.name if isinstance(value, Alias | Parameter) else str(getattr(value, "value", ""))


def _place(changed: Object | Alias, folders: tuple[Path, Path]) -> str:
    holder = changed.parent if isinstance(changed, Alias) and changed.parent else changed
    where = holder.filepath
    path = where[0] if isinstance(where, list) else where
    folder = next(each for each in folders if path.is_relative_to(each))
    return path.relative_to(folder).as_posix()
