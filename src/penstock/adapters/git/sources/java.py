"""What Java files export: public types and their public and protected members. Overloads are told apart by their types."""

from collections.abc import Iterator

from ast_grep_py import SgNode

from penstock.adapters.git.sources.nodes import has, line_of, name_of, named, only, plain
from penstock.core.sources.api import Symbol

_TYPES = {
    "class_declaration": "class",
    "interface_declaration": "interface",
    "enum_declaration": "enum",
    "record_declaration": "record",
    "annotation_type_declaration": "annotation",
}
_OPEN = frozenset({"interface_declaration", "annotation_type_declaration"})
"""Their members are public without saying so."""


def read(root: SgNode) -> tuple[str, Iterator[Symbol]]:
    package = next((plain(node) for node in only(root, "package_declaration")), "")
    scope = package.removeprefix("package ").rstrip("; ")
    return scope, _types(root, "", inside_open=False)


def _types(holder: SgNode, scope: str, *, inside_open: bool) -> Iterator[Symbol]:
    for node in only(holder, *_TYPES):
        if not (inside_open or _is_public(node)):
            continue
        name, kind = f"{scope}{name_of(node)}", _TYPES[node.kind()]
        yield Symbol(name=name, kind=kind, line=line_of(node), result=plain(node.field("parameters")))
        body = node.field("body")
        if body:
            yield from _members(body, f"{name}.", inside_open=node.kind() in _OPEN)


def _members(body: SgNode, scope: str, *, inside_open: bool) -> Iterator[Symbol]:
    yield from _types(body, scope, inside_open=inside_open)
    for constant in only(body, "enum_constant"):
        yield Symbol(name=f"{scope}{name_of(constant)}", kind="constant", line=line_of(constant))
    for more in only(body, "enum_body_declarations"):
        yield from _members(more, scope, inside_open=False)
    for node in only(
        body, "method_declaration", "constructor_declaration", "annotation_type_element_declaration"
    ):
        if inside_open or _is_public(node):
            yield _method(node, scope, inside_open=inside_open)
    for field in only(body, "field_declaration", "constant_declaration"):
        if inside_open or _is_public(field):
            kind = plain(field.field("type"))
            for each in field.field_children("declarator"):
                yield Symbol(name=f"{scope}{name_of(each)}", kind="field", line=line_of(field), result=kind)


def _method(node: SgNode, scope: str, *, inside_open: bool) -> Symbol:
    types = tuple(_parameter_types(node.field("parameters")))
    abstract = node.field("body") is None and (inside_open or "abstract" in _modifiers(node))
    return Symbol(
        name=f"{scope}{name_of(node)}({', '.join(types)})",
        kind="constructor" if node.kind() == "constructor_declaration" else "method",
        line=line_of(node),
        parameters=types,
        result=plain(node.field("type")),
        demanded=abstract and not has(node, "default"),
    )


def _parameter_types(parameters: SgNode | None) -> Iterator[str]:
    for each in named(parameters.children() if parameters else []):
        if each.kind() == "formal_parameter":
            yield plain(each.field("type"))
        elif each.kind() == "spread_parameter":
            yield f"{plain(each).rpartition(' ')[0]}"


def _modifiers(node: SgNode) -> frozenset[str]:
    return frozenset(word for each in only(node, "modifiers") for word in plain(each).split())


def _is_public(node: SgNode) -> bool:
    return bool(_modifiers(node) & {"public", "protected"})
