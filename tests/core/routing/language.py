"""Conditions and signals as hypothesis makes them: any text of the language, any facts that an event can have."""

from math import nan

from hypothesis import strategies as st

from penstock.core.routing.facts import Facts
from penstock.core.routing.names import EVENTS, LEVELS, NAMES, Kind

WORDS = ("", "a", "ab", "ba", "b", "abab", "bug", "codex:route", 'q"', "back\\slash", "é")
GLOBS = ("*", "a*", "*b", "*a*", "a*b", "?", "a?", "*?b", "a*b*", "\\*", "**", "codex:*", "é", "*b?a*")
PATHS = ("payload.a", "payload.a.b", "payload.c")


def quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def values_of(name: str) -> st.SearchStrategy[str]:
    known = NAMES.get(name)
    if known is None:
        return st.one_of(st.sampled_from(WORDS).map(quoted), st.sampled_from(["1", "2.5", "true", "false"]))
    if known.choices:
        return st.sampled_from(known.choices).map(quoted)
    return (
        st.sampled_from(["0", "1", "2.5", "-3"])
        if known.kind is Kind.NUMBER
        else st.sampled_from(WORDS).map(quoted)
    )


def _comparisons(name: str) -> st.SearchStrategy[str]:
    """Whatever can be said of one name."""
    known = NAMES.get(name)
    kind, value = known.kind if known else Kind.ANY, values_of(name)
    if kind is Kind.FLAG:
        return st.sampled_from([name, f"{name} == true", f"false != {name}", f"{name} == false"])
    listed = st.lists(value, min_size=1, max_size=3).map(", ".join)
    forms = [
        value.map(lambda one: f"{name} == {one}"),
        value.map(lambda one: f"{one} != {name}"),
        listed.map(lambda many: f"{name} in [{many}]"),
    ]
    if kind in {Kind.NUMBER, Kind.LEVEL, Kind.ANY}:
        bound = value if kind is Kind.LEVEL else st.sampled_from(["1", "2.5"])
        signs = st.sampled_from(["<", "<=", ">", ">="])
        forms.append(st.tuples(signs, bound).map(lambda two: f"{name} {two[0]} {two[1]}"))
    if kind in {Kind.LIST, Kind.ANY}:
        forms.append(value.map(lambda one: f"{one} in {name}"))
    if kind in {Kind.TEXT, Kind.LIST, Kind.ANY}:
        globs = ("*", "*e*", "p*", "*t", "*_*t*") if known and known.choices else GLOBS
        two = st.tuples(st.sampled_from(["~", "!~"]), st.sampled_from(globs))
        forms.append(two.map(lambda two: f"{name} {two[0]} {quoted(two[1])}"))
    return st.one_of(forms)


COMPARISONS = st.sampled_from([*NAMES, *PATHS]).flatmap(_comparisons)
CONDITIONS = st.recursive(
    st.one_of(COMPARISONS, COMPARISONS, st.sampled_from(["true", "false"])),
    lambda inner: st.one_of(
        inner.map(lambda one: f"!({one})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda many: " && ".join(f"({one})" for one in many)),
        st.lists(inner, min_size=2, max_size=3).map(lambda many: "(" + " || ".join(many) + ")"),
        st.tuples(inner, inner, inner).map(lambda three: f"{three[0]} && {three[1]} || {three[2]}"),
    ),
    max_leaves=6,
)

_TEXT = st.sampled_from(WORDS)
_LEAF = st.one_of(st.none(), _TEXT, st.booleans(), st.integers(-2, 3), st.floats(allow_nan=True))
_PAYLOAD = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.one_of(
        _LEAF,
        st.lists(st.one_of(_LEAF, st.lists(_LEAF, max_size=2)), max_size=3),
        st.dictionaries(st.sampled_from(["a", "b"]), _LEAF, max_size=2),
    ),
    max_size=3,
)


def _value(kind: Kind, choices: tuple[str, ...]) -> st.SearchStrategy[object]:
    match kind:
        case Kind.LIST:
            return st.lists(_TEXT, max_size=3).map(tuple)
        case Kind.FLAG:
            return st.booleans()
        case Kind.NUMBER:
            return st.one_of(st.just(nan), st.sampled_from([0.0, 1.0, 2.5, 1e9]))
        case Kind.LEVEL:
            return st.sampled_from(["", *LEVELS])
        case _:
            return st.sampled_from(["", *choices]) if choices else _TEXT


def _signals(event: str) -> st.SearchStrategy[Facts]:
    """Any signal of an event: of what it has, anything; nothing else."""
    has = {
        known.fact: known for known in NAMES.values() if known.fact in EVENTS[event].has - {"event", "kind"}
    }
    values = {fact: _value(known.kind, known.choices) for fact, known in has.items()}
    return st.fixed_dictionaries({"event": st.just(event), "payload": _PAYLOAD, **values}).map(_facts)


def _facts(values: dict[str, object]) -> Facts:
    return Facts(**values)  # type: ignore[arg-type]


SIGNALS = st.one_of(list(map(_signals, sorted(EVENTS))))
