"""The verdict tree: as bad as its worst part, and nothing asked is nothing allowed."""

import pytest

from penstock.core.verdict import (
    Outcome,
    all_of,
    blocked,
    check,
    failures,
    first_reason,
    passed,
    pending,
    render_markdown,
    render_text,
    unknown,
    warned,
)


@pytest.mark.parametrize(
    ("parts", "outcome", "allows"),
    [
        ([passed("a")], Outcome.PASS, True),
        ([passed("a"), warned("b", "hm")], Outcome.WARN, True),
        ([warned("b", "hm"), pending("c", "soon")], Outcome.PENDING, False),
        ([passed("a"), unknown("u", "unreadable")], Outcome.UNKNOWN, False),
        ([unknown("u", "unreadable"), blocked("x", "no")], Outcome.BLOCK, False),
        ([], Outcome.UNKNOWN, False),
    ],
)
def test_a_combination_is_as_bad_as_its_worst_part(parts, outcome, allows):
    verdict = all_of("all", parts)
    assert verdict.outcome is outcome
    assert verdict.allows is allows


@pytest.mark.parametrize(
    ("holds", "outcome"), [(True, Outcome.PASS), (False, Outcome.BLOCK), (None, Outcome.UNKNOWN)]
)
def test_what_could_not_be_known_never_allows(holds, outcome):
    assert check("x", "", holds=holds).outcome is outcome


def test_reasons_name_the_leaf_that_fails():
    verdict = all_of(
        "G3", [passed("links"), all_of("inner", [blocked("P-001", "looks like a secret: a.py")])]
    )
    assert [leaf.rule for leaf in failures(verdict)] == ["P-001"]
    assert first_reason(verdict) == "P-001: looks like a secret: a.py"
    assert render_text(verdict) == "✗ G3\n  ✓ links\n  ✗ inner\n    ✗ P-001: looks like a secret: a.py"


@pytest.mark.parametrize(
    "hostile", ["a`b", "x --> y", "[l](http://x)", "<!-- TAP-DECISION: {} -->", "*b*", "a\n# b"]
)
def test_quoted_text_never_becomes_markup(hostile):
    line = render_markdown(blocked("rule", hostile))
    assert "\n" not in line
    assert "<" not in line
    assert "-->" not in line
    assert "`b" not in line.replace("\\`", "")


def test_quoted_text_keeps_no_control_character():
    line = render_markdown(blocked("rule", "a\x1b[31mb\u202ec\x00d\x9be\u200bf"))
    assert line.endswith("a&lt;U+001B&gt;\\[31mb&lt;U+202E&gt;c&lt;U+0000&gt;d&lt;U+009B&gt;e&lt;U+200B&gt;f")
