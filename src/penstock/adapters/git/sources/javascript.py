"""What JavaScript and TypeScript modules export. Types are not compared: a wider one is fine, and only a compiler can tell."""

from collections.abc import Iterator

from ast_grep_py import SgNode

from penstock.adapters.git.sources.nodes import has, line_of, name_of, named, only, plain
from penstock.core.sources.api import Symbol

_KINDS = {
    "function_declaration": "function",
    "generator_function_declaration": "function",
    "function_signature": "function",
    "class_declaration": "class",
    "abstract_class_declaration": "class",
    "interface_declaration": "interface",
    "type_alias_declaration": "type",
    "enum_declaration": "enum",
    "internal_module": "namespace",
    "module": "namespace",
    "variable_declarator": "value",
}
_CALLED = ("arrow_function", "function_expression", "function", "generator_function")
_MEMBERS = (
    "method_definition",
    "public_field_definition",
    "field_definition",
    "method_signature",
    "property_signature",
)


def read(root: SgNode) -> tuple[str, Iterator[Symbol]]:
    """Nothing says what a module is part of: its file does."""
    return "", _symbols(root)


def _symbols(root: SgNode) -> Iterator[Symbol]:
    declared = {name_of(node): node for child in root.children() for node in _declarations(child)}
    for child in root.children():
        if child.kind() == "export_statement":
            yield from _exports(child, declared)
        elif child.kind() == "expression_statement":
            yield from _assigned(child, declared)


def _declarations(node: SgNode) -> Iterator[SgNode]:
    """The declarations that one statement makes, whether it exports them or not."""
    if node.kind() in _KINDS:
        yield node
    elif node.kind() in {"export_statement", "ambient_declaration"}:
        for child in node.children():
            yield from _declarations(child)
    elif node.kind() in {"lexical_declaration", "variable_declaration"}:
        yield from only(node, "variable_declarator")


def _exports(node: SgNode, declared: dict[str, SgNode]) -> Iterator[Symbol]:
    if has(node, "default"):
        yield from _default(node, declared)
        return
    for each in _declarations(node):
        yield from _symbol(name_of(each), each)
    for clause in only(node, "export_clause"):
        for item in only(clause, "export_specifier"):
            name = name_of(item, "alias") or name_of(item)
            own = declared.get(name_of(item)) if not node.field("source") else None
            yield from _symbol(name, own or item)
    for star in only(node, "namespace_export"):
        yield from _symbol(plain(star).removeprefix("* as "), star)
    if has(node, "*"):
        yield _value(f"* from {name_of(node, 'source')}", node)


def _default(node: SgNode, declared: dict[str, SgNode]) -> Iterator[Symbol]:
    value = node.field("value") or node.field("declaration")
    if value and value.kind() == "identifier":
        value = declared.get(value.text(), value)
    yield from _symbol("default", value or node)


def _assigned(node: SgNode, declared: dict[str, SgNode]) -> Iterator[Symbol]:
    """`exports.name = …` and `module.exports = {name, …}`."""
    for assignment in only(node, "assignment_expression"):
        target, value = name_of(assignment, "left"), assignment.field("right")
        if target.startswith(("exports.", "module.exports.")) and value:
            yield from _symbol(target.rpartition(".")[2], declared.get(value.text(), value))
        elif target == "module.exports" and value:
            yield from _exported_object(value, declared)


def _exported_object(value: SgNode, declared: dict[str, SgNode]) -> Iterator[Symbol]:
    if value.kind() != "object":
        yield from _symbol("module.exports", declared.get(value.text(), value))
    for item in only(value, "shorthand_property_identifier"):
        yield from _symbol(item.text(), declared.get(item.text(), item))
    for pair in only(value, "pair", "method_definition"):
        given = pair.field("value") or pair
        yield from _symbol(name_of(pair, "key") or name_of(pair), declared.get(given.text(), given))


def _symbol(name: str, node: SgNode) -> Iterator[Symbol]:
    """A declaration and, of a type, what it is made of."""
    if not name:
        return
    value = node.field("value") if node.kind() == "variable_declarator" else None
    called = value if value and value.kind() in _CALLED else node
    parameters = called.field("parameters") or called.field("parameter")
    if called.kind() in _CALLED or _KINDS.get(node.kind()) == "function" or node.kind() in _MEMBERS[::3]:
        yield _function(name, "function", node, parameters)
        return
    yield Symbol(name=name, kind=_KINDS.get(node.kind(), "value"), line=line_of(node))
    yield from _members(name, node)


def _value(name: str, node: SgNode) -> Symbol:
    return Symbol(name=name, kind="value", line=line_of(node))


def _members(owner: str, node: SgNode) -> Iterator[Symbol]:
    """Of classes, interfaces and enumerations. A property that an interface asks for is asked of every implementation."""
    body = node.field("body") or (node.field("value") if node.kind() == "type_alias_declaration" else None)
    for member in only(body, *_MEMBERS):
        name = name_of(member) or name_of(member, "property")
        if not name or name[0] in "#_" or _is_hidden(member):
            continue
        optional, demanded = has(member, "?"), "signature" in member.kind()
        if parameters := member.field("parameters"):
            yield _function(
                f"{owner}.{name}", "method", member, parameters, demanded=demanded and not optional
            )
        else:
            kind, line = "property", line_of(member)
            yield Symbol(name=f"{owner}.{name}", kind=kind, line=line, demanded=demanded and not optional)
    if node.kind() == "enum_declaration":
        for member in named(body.children() if body else []):
            name = name_of(member) or member.text()
            yield Symbol(name=f"{owner}.{name}", kind="member", line=line_of(member))


def _is_hidden(member: SgNode) -> bool:
    return any(plain(word) in {"private", "protected"} for word in only(member, "accessibility_modifier"))


def _function(
    name: str, kind: str, node: SgNode, parameters: SgNode | None, *, demanded: bool = False
) -> Symbol:
    given = named(parameters.children()) if parameters and parameters.kind() == "formal_parameters" else []
    single = [parameters] if parameters and parameters.kind() == "identifier" else []
    taken = [each for each in (*given, *single) if name_of(each, "pattern") != "this"]
    names = tuple(_parameter(each) for each in taken)
    required = max((at for at, each in enumerate(taken, 1) if not _may_be_left_out(each)), default=0)
    return Symbol(
        name=name, kind=kind, line=line_of(node), parameters=names, required=required, demanded=demanded
    )


def _parameter(node: SgNode) -> str:
    pattern = node.field("pattern") or node.field("left") or node
    text = plain(pattern)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _may_be_left_out(node: SgNode) -> bool:
    pattern = node.field("pattern")
    return (
        node.kind() in {"assignment_pattern", "optional_parameter", "rest_pattern"}
        or node.field("value") is not None
        or (pattern is not None and pattern.kind() == "rest_pattern")
    )
