"""What Rust files export: what is `pub` without a restriction, and what traits have."""

from collections.abc import Iterator

from ast_grep_py import SgNode

from penstock.adapters.git.sources.nodes import line_of, name_of, named, only, plain
from penstock.core.sources.api import Symbol

_KINDS = {
    "struct_item": "struct",
    "union_item": "union",
    "enum_item": "enum",
    "trait_item": "trait",
    "type_item": "type",
    "const_item": "constant",
    "static_item": "static",
}


def read(root: SgNode) -> tuple[str, Iterator[Symbol]]:
    return "", _items(root, "")


def _items(holder: SgNode | None, scope: str) -> Iterator[Symbol]:
    for node in holder.children() if holder else ():
        match node.kind():
            case "impl_item" if node.field("trait") is None:
                owner = plain(node.field("type")).partition("<")[0]
                yield from _functions(node.field("body"), f"{scope}{owner}.")
            case _ if not _is_public(node):
                continue
            case "function_item":
                yield _function(node, scope)
            case "mod_item":
                name = f"{scope}{name_of(node)}"
                yield Symbol(name=name, kind="module", line=line_of(node))
                yield from _items(node.field("body"), f"{name}.")
            case "use_declaration":
                for name in _used(node.field("argument")):
                    yield Symbol(name=f"{scope}{name}", kind="re-export", line=line_of(node))
            case kind if kind in _KINDS:
                yield from _item(node, scope)


def _is_public(node: SgNode) -> bool:
    return any(plain(word) == "pub" for word in only(node, "visibility_modifier"))


def _functions(body: SgNode | None, scope: str) -> Iterator[Symbol]:
    for node in only(body, "function_item", "const_item"):
        if _is_public(node):
            yield _function(node, scope) if node.kind() == "function_item" else _constant(node, scope)


def _constant(node: SgNode, scope: str) -> Symbol:
    kind = plain(node.field("type"))
    return Symbol(name=f"{scope}{name_of(node)}", kind="constant", line=line_of(node), result=kind)


def _function(node: SgNode, scope: str, *, demanded: bool = False) -> Symbol:
    parameters = node.field("parameters")
    given = named(parameters.children()) if parameters else []
    return Symbol(
        name=f"{scope}{name_of(node)}",
        kind="function",
        line=line_of(node),
        parameters=(
            *(plain(each) for each in named(_generic(node))),
            *(plain(each.field("type")) or plain(each) for each in given),
        ),
        result=plain(node.field("return_type")),
        demanded=demanded,
    )


def _generic(node: SgNode) -> list[SgNode]:
    parameters = node.field("type_parameters")
    return parameters.children() if parameters else []


def _item(node: SgNode, scope: str) -> Iterator[Symbol]:
    name, kind = f"{scope}{name_of(node)}", _KINDS[node.kind()]
    yield Symbol(name=name, kind=kind, line=line_of(node), result=plain(node.field("type")))
    body = node.field("body")
    for field in only(body, "field_declaration"):
        if _is_public(field):
            yield Symbol(
                name=f"{name}.{name_of(field)}",
                kind="field",
                line=line_of(field),
                result=plain(field.field("type")),
            )
    for variant in only(body, "enum_variant"):
        shape = plain(variant.field("body"))
        yield Symbol(name=f"{name}.{name_of(variant)}", kind="variant", line=line_of(variant), result=shape)
    if kind == "trait":
        for method in only(body, "function_signature_item", "function_item"):
            demanded = method.kind() == "function_signature_item"
            yield _function(method, f"{name}.", demanded=demanded)


def _used(argument: SgNode | None) -> Iterator[str]:
    """The names under which `pub use` offers things, `…::*` for all of a module."""
    match argument.kind() if argument else "":
        case "scoped_use_list":
            yield from _used(argument.field("list") if argument else None)
        case "use_list":
            for each in named(argument.children() if argument else []):
                yield from _used(each)
        case "use_as_clause":
            yield name_of(argument, "alias") if argument else ""
        case "use_wildcard":
            yield plain(argument)
        case _:
            yield plain(argument).rpartition("::")[2]
