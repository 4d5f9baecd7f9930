"""What a text exports and how tangled its functions are, by the tree-sitter grammars of ast-grep."""

from ast_grep_py import Config, Rule, SgNode, SgRoot

from penstock.adapters.git.sources import go, java, javascript, rust
from penstock.adapters.git.sources.nodes import line_of, name_of
from penstock.adapters.git.sources.questions import Answer, TextQuestion
from penstock.core.sources.api import Language
from penstock.core.sources.complexity import Span, Tangle, counted

_JAVASCRIPT = (
    "if_statement", "for_statement", "for_in_statement", "while_statement", "do_statement", "switch_case",
    "catch_clause", "ternary_expression",
)  # fmt: skip
_JS_FUNCTIONS = (
    "function_declaration", "generator_function_declaration", "method_definition", "arrow_function",
    "function_expression",
)  # fmt: skip
_MAY_STOP: Rule = {"kind": "binary_expression", "has": {"field": "operator", "regex": r"^(&&|\|\||\?\?)$"}}
"""An operator that may leave out what stands behind it."""

_FUNCTIONS: dict[Language, tuple[str, ...]] = {
    Language.JAVASCRIPT: _JS_FUNCTIONS,
    Language.TYPESCRIPT: _JS_FUNCTIONS,
    Language.TSX: _JS_FUNCTIONS,
    Language.GO: ("function_declaration", "method_declaration"),
    Language.RUST: ("function_item",),
    Language.JAVA: ("method_declaration", "constructor_declaration"),
}
_DECISIONS: dict[Language, tuple[str, ...]] = {
    Language.JAVASCRIPT: _JAVASCRIPT,
    Language.TYPESCRIPT: _JAVASCRIPT,
    Language.TSX: _JAVASCRIPT,
    Language.GO: (
        "if_statement", "for_statement", "expression_case", "type_case", "communication_case",
    ),
    Language.RUST: (
        "if_expression", "for_expression", "while_expression", "loop_expression", "match_arm",
        "try_expression",
    ),
    Language.JAVA: (
        "if_statement", "for_statement", "enhanced_for_statement", "while_statement", "do_statement",
        "switch_label", "catch_clause", "ternary_expression",
    ),
}  # fmt: skip
"""Kinds of nodes of the grammars."""
_READERS = {
    Language.JAVASCRIPT: javascript.read,
    Language.TYPESCRIPT: javascript.read,
    Language.TSX: javascript.read,
    Language.GO: go.read,
    Language.RUST: rust.read,
    Language.JAVA: java.read,
}


def exported(question: TextQuestion) -> Answer:
    """With the problem where the text does not parse as a whole: what is in the broken part cannot be told."""
    root = SgRoot(question.text, question.language).root()
    if broken := root.find(kind="ERROR"):
        return Answer(problem=f"does not parse as {question.language}, line {line_of(broken)}")
    unit, symbols = _READERS[question.language](root)
    return Answer(symbols=tuple(symbols), tangles=_tangles(root, question.language), unit=unit)


def _tangles(root: SgNode, language: Language) -> tuple[Tangle, ...]:
    functions = [
        Span(
            name=name_of(node) or _given_name(node),
            line=line_of(node),
            start=node.range().start.index,
            end=node.range().end.index,
        )
        for node in root.find_all(_any(_FUNCTIONS[language]))
    ]
    decisions = [node.range().start.index for node in root.find_all(_any(_DECISIONS[language], _MAY_STOP))]
    return counted(functions, decisions)


def _given_name(node: SgNode) -> str:
    """Of a function without one: that of what it is assigned to."""
    holder = node.parent()
    return (name_of(holder) if holder and holder.kind() == "variable_declarator" else "") or "(anonymous)"


def _any(kinds: tuple[str, ...], *others: Rule) -> Config:
    rules: list[Rule] = [{"kind": kind} for kind in kinds]
    return {"rule": {"any": [*rules, *others]}}
