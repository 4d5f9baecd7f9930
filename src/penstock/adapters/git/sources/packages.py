"""What breaks between two states of a Python package, by griffe: it parses texts, and never imports or runs what it reads."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from griffe import (
    Alias,
    Breakage,
    BreakageKind,
    GriffeError,
    GriffeLoader,
    Module,
    Object,
    Parameter,
    find_breaking_changes,
    merge_stubs,
    visit,
)

from penstock.adapters.git.sources.questions import Answer, PackageQuestion
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


def compared(question: PackageQuestion) -> Answer:
    """What breaks, or why griffe cannot tell: what is left out because it does not parse would look as if it were removed."""
    try:
        return Answer(breaks=broken(question))
    except (SyntaxError, ValueError) as error:
        return Answer(problem=f"a file of its package does not parse: {error}")
    except GriffeError as error:
        return Answer(problem=f"not resolved: {str(error).splitlines()[0]}")


def broken(question: PackageQuestion) -> tuple[Break, ...]:
    """Each once, although a name may be reached in several ways."""
    old, new = (_package(question.name, texts) for texts in (question.before, question.after))
    if old is None:
        return ()
    if new is None:
        return (Break(path=_place(old), line=1, symbol=question.name, why="removed"),)
    found: dict[tuple[str, int, str], Break] = {}
    for each in _all(old, new):
        found.setdefault((each.path, each.line, each.why), each)
        if len(found) == MOST:
            break
    return tuple(found.values())


def _all(old: Module, new: Module) -> Iterator[Break]:
    for breakage in find_breaking_changes(old, new):
        if breakage.kind in _SAID:
            yield _break(breakage)


def _package(name: str, texts: Mapping[str, str]) -> Module | None:
    return _Package(texts).loaded(name) if texts else None


class _Package:
    """What griffe's loader makes of the same texts in files, without looking for a repository around them."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._loader = GriffeLoader(allow_inspection=False, store_source=False)
        self._modules: dict[PurePosixPath, Module] = {}
        for path in sorted(map(PurePosixPath, texts), key=_order):
            self._put(_module_of(path), self._visited(path, texts[str(path)]))
        for module in self._modules.values():
            _drop_circles(module)

    def loaded(self, name: str) -> Module:
        loader, package = self._loader, self._modules[PurePosixPath(name)]
        loader.expand_exports(package)
        loader.expand_wildcards(package, external=False)
        loader.extensions.call("on_package", pkg=package, loader=loader)
        loader.resolve_aliases(implicit=True, external=False)
        return package

    def _put(self, place: PurePosixPath, module: Module) -> None:
        known = self._modules.get(place)
        if known:  # code, and this is its stub
            module = merge_stubs(known, module)
        self._modules[place] = module
        parent = self._parent(place)
        if parent is None:
            self._loader.modules_collection.set_member(module.name, module)
        else:
            parent.set_member(module.name, module)

    def _parent(self, place: PurePosixPath) -> Module | None:
        """The package that a module is in; an empty one where its own file is not there."""
        folder = place.parent
        if not folder.name:
            return None
        if folder not in self._modules:
            self._put(folder, self._visited(folder / "__init__.py", ""))
        return self._modules[folder]

    def _visited(self, path: PurePosixPath, text: str) -> Module:
        place = _module_of(path)
        return visit(
            place.name,
            filepath=Path(path),
            code=text,
            extensions=self._loader.extensions,
            parent=self._parent(place),
            lines_collection=self._loader.lines_collection,
            modules_collection=self._loader.modules_collection,
        )


def _drop_circles(module: Module) -> None:
    """`from package.name import name`, where that module was not read, leads back to itself. Where it was read, it hides the name."""
    for name, member in tuple(module.members.items()):
        if isinstance(member, Alias) and member.target_path.startswith(f"{member.path}."):
            del module.members[name]


def _order(path: PurePosixPath) -> tuple[int, str]:
    """What a package's own file says comes before what is in it, and code before its stub."""
    return len(_module_of(path).parts), str(path)


def _module_of(path: PurePosixPath) -> PurePosixPath:
    return path.parent if path.stem == "__init__" else path.with_suffix("")


def _break(breakage: Breakage) -> Break:
    changed = breakage.obj
    line = _line(changed)
    why = _SAID[breakage.kind].format(old=_name(breakage.old_value), new=_name(breakage.new_value))
    return Break(path=_place(changed), line=line or 1, symbol=changed.path, why=why)


def _line(changed: Object | Alias) -> int | None:
    return changed.alias_lineno if isinstance(changed, Alias) else changed.lineno


def _name(value: object) -> str:
    """An alias may lead out of what was read."""
    return value.name if isinstance(value, Alias | Parameter) else str(getattr(value, "value", ""))


def _place(changed: Object | Alias) -> str:
    holder = changed.parent if isinstance(changed, Alias) and changed.parent else changed
    where = holder.filepath
    assert isinstance(where, Path), "every module is made of one path"  # noqa: S101
    return where.as_posix()
