"""What Go files export: names with a capital letter. A package is all the files of its folder."""

from collections.abc import Iterator

from ast_grep_py import SgNode

from penstock.adapters.git.sources.nodes import line_of, name_of, named, only, plain
from penstock.core.sources.api import Symbol


def read(root: SgNode) -> tuple[str, Iterator[Symbol]]:
    """The package's name, and its exported symbols; a program's are nobody's to call."""
    package = next((plain(clause).removeprefix("package ") for clause in only(root, "package_clause")), "")
    return package, iter(()) if package == "main" else _symbols(root)


def _symbols(root: SgNode) -> Iterator[Symbol]:
    for node in root.children():
        match node.kind():
            case "function_declaration":
                yield from _function(name_of(node), "function", node)
            case "method_declaration":
                owner = _receiver(node)
                if owner[:1].isupper():
                    yield from _function(f"{owner}.{name_of(node)}", "method", node)
            case "type_declaration":
                for spec in only(node, "type_spec", "type_alias"):
                    yield from _type(spec)
            case "const_declaration" | "var_declaration":
                yield from _values(node)


def _is_exported(name: str) -> bool:
    return name.rpartition(".")[2][:1].isupper()


def _receiver(node: SgNode) -> str:
    text = plain(node.field("receiver")).strip("()").partition("[")[0]
    return text.rpartition(" ")[2].lstrip("*")


def _function(name: str, kind: str, node: SgNode, *, demanded: bool = False) -> Iterator[Symbol]:
    if _is_exported(name):
        parameters = tuple(_types(node.field("parameters")))
        result = ", ".join(_types(node.field("result"))) or plain(node.field("result"))
        yield Symbol(
            name=name,
            kind=kind,
            line=line_of(node),
            parameters=(*_types(node.field("type_parameters")), *parameters),
            result=result,
            demanded=demanded,
        )


def _types(parameters: SgNode | None) -> Iterator[str]:
    """A type for each name: names of parameters are nobody's business."""
    for each in only(
        parameters, "parameter_declaration", "variadic_parameter_declaration", "type_parameter_declaration"
    ):
        kind = plain(each.field("type"))
        text = f"...{kind}" if each.kind() == "variadic_parameter_declaration" else kind
        yield from [text] * max(1, len(each.field_children("name")))


def _type(spec: SgNode) -> Iterator[Symbol]:
    name, body = name_of(spec), spec.field("type")
    if not _is_exported(name):
        return
    kind = {"struct_type": "struct", "interface_type": "interface"}.get(body.kind() if body else "", "type")
    result = plain(body) if kind == "type" else ""
    yield Symbol(name=name, kind=kind, line=line_of(spec), result=result)
    for fields in only(body, "field_declaration_list"):
        for field in only(fields, "field_declaration"):
            yield from _fields(name, field)
    for method in only(body, "method_elem", "method_spec"):
        yield from _function(f"{name}.{name_of(method)}", "method", method, demanded=True)


def _fields(owner: str, field: SgNode) -> Iterator[Symbol]:
    for name in (each.text() for each in field.field_children("name")):
        if _is_exported(name):
            kind = plain(field.field("type"))
            yield Symbol(name=f"{owner}.{name}", kind="field", line=line_of(field), result=kind)


def _values(node: SgNode) -> Iterator[Symbol]:
    kind = "constant" if node.kind() == "const_declaration" else "variable"
    lists = (node, *only(node, "var_spec_list"))
    for spec in (each for holder in lists for each in only(holder, "const_spec", "var_spec")):
        for name in (each.text() for each in named(spec.field_children("name"))):
            if _is_exported(name):
                yield Symbol(name=name, kind=kind, line=line_of(spec), result=plain(spec.field("type")))
