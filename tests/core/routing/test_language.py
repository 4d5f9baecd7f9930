"""The condition language: what it means, and for everything wrong the character, the reason and the nearest name."""

import fnmatch
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.routing.language import CONDITIONS, SIGNALS

from penstock.core.routing.checking import condition
from penstock.core.routing.compiling import OFTEN, compiled
from penstock.core.routing.facts import Facts
from penstock.core.routing.glob import glob, matches
from penstock.core.routing.meaning import holds
from penstock.core.routing.names import EVENTS
from penstock.core.routing.reach import certainty, events_of, simplified
from penstock.core.routing.reading import MAX_CHARACTERS, MAX_DEPTH, Fault
from penstock.core.routing.tree import Condition

PULL = Facts(
    event="pull_request",
    labels=("bug", "area/http"),
    paths=("src/a.py", "docs/b.md"),
    branch="fix/x",
    author="ada",
    author_association="MEMBER",
    title="Fix: the [cache] of *stars*",
    risk="high",
    additions=12.0,
    payload={"sender": {"type": "Bot"}, "n": 3, "tags": ["x", "y"], "yes": True},
)


def checked(text: str) -> Condition:
    found = condition(text)
    assert not isinstance(found, Fault), (text, found)
    return found


def both(text: str, facts: Facts) -> bool:
    """By the plain reading of the tree, and by the generated function, which must agree."""
    tree = checked(text)
    plain = holds(tree, facts)
    assert compiled([(0, tree, False)])(facts) == ([0] if plain else [])
    assert compiled([(n, tree, False) for n in range(OFTEN)])(facts) == (list(range(OFTEN)) if plain else [])
    return plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('event == "pull_request"', True),
        ("event == 'pull_request'", True),
        ('"pull_request" == event', True),
        ('kind == "pull_request" && event != "push"', True),
        ('label ~ "bug"', True),
        ('label == "bug" && labels ~ "area/*"', True),
        ('label != "bug"', False),
        ('label !~ "area/*"', False),
        ('!(label ~ "codex:route")', True),
        ('"bug" in labels', True),
        ('"Bug" in labels', False),
        ('label in ["x", "area/http"]', True),
        ('path ~ "src/*"', True),
        ('path ~ "*.py" && path ~ "*.md"', True),
        ('path ~ "src/?.py"', True),
        ('path ~ "src/??.py"', False),
        ('path ~ "d*/*.md"', True),
        ('path ~ "s*.md"', False),
        ('title ~ "*\\\\*stars\\\\*"', True),
        ('title ~ "*[cache]*"', True),
        ('title ~ "Fix*stars*"', True),
        ('risk >= "high" && risk < "critical"', True),
        ('risk in ["low", "high"]', True),
        ('severity >= "low"', False),
        ('!(severity >= "low") && severity != "high"', True),
        ("additions > 10 && additions <= 12", True),
        ("12 == additions && 10 < additions", True),
        ("deletions < 5", False),
        ("deletions != 5", True),
        ("draft", False),
        ("!draft && draft == false", True),
        ("draft != false || fork", False),
        ("true || false", True),
        ("false || false && true", False),
        ("true || false && false", True),
        ("!false && !!true", True),
        ('payload.sender.type == "Bot"', True),
        ('payload.sender.type ~ "B*"', True),
        ("payload.n == 3 && payload.n < 4 && payload.n in [1, 3]", True),
        ('payload.n == "3"', False),
        ("payload.yes == true && payload.yes != 1", True),
        ('"y" in payload.tags && payload.tags ~ "x"', True),
        ('payload.sender.none == ""', False),
        ('payload.sender < 3 || payload.n ~ "3"', False),
        ('body == ""', True),
        ('base ~ "*"', True),
        ('author in ["ada", "bea"]', True),
    ],
)
def test_what_a_condition_means(text: str, expected: bool) -> None:
    assert both(text, PULL) is expected


FAULTS = [
    ("", 0, "a condition is missing here", ""),
    ("   ", 0, "a condition is missing here", ""),
    ('evnt == "push"', 0, "unknown name `evnt`", "event"),
    ('draft && lable ~ "x"', 9, "unknown name `lable`", "label"),
    ("zzzzzz", 0, "unknown name `zzzzzz`", ""),
    ('event == "pull_requst"', 9, "`event` is never 'pull_requst'", '"pull_request"'),
    ('event in ["push", "isues"]', 18, "`event` is never 'isues'", '"issues"'),
    ('author_association == "OWNR"', 22, "never 'OWNR'", '"OWNER"'),
    ('conclusion ~ "failur"', 13, "never 'failur'", '"failure"'),
    ('risk > "hgh"', 7, "never 'hgh'", '"high"'),
    ('additions > "ten"', 12, "`>` compares numbers, and this is a text", ""),
    ("title == 3", 9, "`title` is a text, and this is a number", ""),
    ("title == true", 9, "`title` is a text, and this is true or false", ""),
    ('draft == "yes"', 9, "`draft` is true or false, and this is a text", ""),
    ("additions == true", 13, "`additions` is a number, and this is true or false", ""),
    ('title > "a"', 6, "`>` compares numbers and levels, and `title` is a text", ""),
    ('additions ~ "1*"', 10, "`~` matches texts, and `additions` is a number", ""),
    ('risk ~ "h*"', 5, "`~` matches texts, and `risk` is a level", ""),
    ("title ~ 3", 8, "takes a glob, which is a text", ""),
    ('title ~ "a\\\\"', 8, "cannot end with a backslash", ""),
    (f'title ~ "{"a" * 1001}"', 8, "at most 1000 characters", ""),
    ('"x" in title', 7, "`in` looks into a list, and `title` is a text", ""),
    ('title in "x"', 9, "`in` takes a list", ""),
    ("title in []", 9, "nothing is in an empty list", ""),
    ('draft in ["x"]', 6, "needs no list", ""),
    ('title == ["x"]', 9, "`==` takes one value", ""),
    ('title in ["x", 3]', 15, "`title` is a text, and this is a number", ""),
    ("title in [draft]", 10, "a list holds texts, numbers", ""),
    ('title in ["x" "y"]', 14, "a list goes on with `,`", ""),
    ('title in ["x"', 13, "a list goes on with `,`", ""),
    ('"x" ~ title', 4, "the name stands left of `~`", ""),
    ("title == body", 0, "a name on one side and a value on the other", ""),
    ('"a" == "a"', 0, "a name on one side and a value on the other", ""),
    ('(draft) == (title == "x")', 12, "not with a condition", ""),
    ('(title == "x") == true', 1, "not with a condition", ""),
    ('!label ~ "x"', 1, "write `!(…)` around the comparison", ""),
    ("!label", 1, "write `!(…)` around the comparison", ""),
    ("label", 0, "`label` is a list of texts, and must be compared", ""),
    ('"x"', 0, "not a value alone", ""),
    ("draft && 3", 9, "not a value alone", ""),
    ('title == "x" == "y"', 13, "comparisons do not chain", ""),
    ('title = "x"', 6, "'=' is no part of the condition language", "=="),
    ("draft & fork", 6, "'&' is no part", "&&"),
    ("draft | fork", 6, "'|' is no part", "||"),
    ("draft ; fork", 6, "';' is no part", ""),
    ("draft fork", 6, "should end here, or go on with `&&` or `||`; found `fork`", ""),
    ("draft &&", 8, "should stand here; found the end", ""),
    ("&& draft", 0, "should stand here; found `&&`", ""),
    ("(draft", 6, "the `(` at character 1 is not closed; found the end", ""),
    ("draft)", 5, "found `)`", ""),
    ("()", 1, "should stand here; found `)`", ""),
    ('title == "x', 9, "this text has no end", ""),
    ("title == 'it", 9, "this text has no end", ""),
    ('title == "a\\n"', 11, "`\\n` is no escape", ""),
    ('title == "a\nb"', 11, "no control character", ""),
    ('title == "a\0b"', 11, "no control character", ""),
    ("additions > 1234567890123456", 12, "a number has at most 15 digits", ""),
    ("additions > 1.", 13, "'.' is no part", ""),
    ('payload == "x"', 0, "`payload` goes on with a path", ""),
    ('title.length > "x"', 0, "`title` has no parts; only `payload` has", "title"),
    ('in == "x"', 0, "should stand here; found `in`", ""),
    ("(" * (MAX_DEPTH + 1) + "draft" + ")" * (MAX_DEPTH + 1), MAX_DEPTH, "nested more than 50 deep", ""),
    ("!" * (MAX_DEPTH + 1) + "draft", MAX_DEPTH, "nested more than 50 deep", ""),
    ("a" * 100_000, MAX_CHARACTERS, "has at most 10000 characters, and this one has 100000", ""),
    ("(" * 100_000, MAX_CHARACTERS, "has at most 10000 characters", ""),
]


@pytest.mark.parametrize(
    ("text", "offset", "message", "near"), FAULTS, ids=[fault[0][:40] for fault in FAULTS]
)
def test_what_is_wrong_is_named_at_its_character(text: str, offset: int, message: str, near: str) -> None:
    found = condition(text)
    assert isinstance(found, Fault), found
    assert (found.offset, found.nearest) == (offset, near), found
    assert message in found.message


def test_the_longest_and_the_deepest_conditions_are_taken() -> None:
    widest = " || ".join(["draft"] * ((MAX_CHARACTERS - 5) // 9 + 1))
    assert MAX_CHARACTERS - 9 < len(widest) <= MAX_CHARACTERS
    assert both(widest, PULL) is False
    assert both("!" * MAX_DEPTH + "draft", PULL) is False
    assert both("(" * MAX_DEPTH + "true" + ")" * MAX_DEPTH, PULL) is True


@given(st.text(max_size=200))
def test_any_text_is_a_condition_or_a_fault_within_it(text: str) -> None:
    found = condition(text)
    assert not isinstance(found, Fault) or 0 <= found.offset <= len(text)


TOKENS = [
    "draft",
    "title",
    "label",
    "payload.a",
    "additions",
    "true",
    '"x"',
    "'",
    '"',
    "1",
    "-2.5",
    "in",
    "(",
    ")",
]
TOKENS += ["[", "]", ",", "!", "~", "!~", "==", "!=", "<", ">=", "&&", "||", "&", ".", " ", "\\"]


@given(st.lists(st.sampled_from(TOKENS), max_size=25).map(" ".join))
@settings(max_examples=50)
def test_any_words_of_the_language_are_a_condition_or_a_fault_within_it(text: str) -> None:
    found = condition(text)
    assert not isinstance(found, Fault) or (0 <= found.offset <= len(text) and found.message)


@given(st.lists(CONDITIONS, min_size=1, max_size=5), SIGNALS, st.data())
@settings(max_examples=50)
def test_the_generated_function_is_the_plain_reading_of_the_trees(
    texts: list[str], facts: Facts, data: st.DataObject
) -> None:
    trees = [checked(text) for text in texts]
    stops = data.draw(st.lists(st.booleans(), min_size=len(trees), max_size=len(trees)))
    again = data.draw(st.integers(1, OFTEN))
    asked = [(n, tree, stop) for n, (tree, stop) in enumerate(zip(trees * again, stops * again, strict=True))]
    expected = []
    for number, tree, stop in asked:
        if holds(tree, facts):
            expected.append(number)
            if stop:
                break
    assert compiled(asked)(facts) == expected


@given(CONDITIONS, SIGNALS)
@settings(max_examples=50)
def test_what_is_said_of_an_event_is_true_of_its_signals(text: str, facts: Facts) -> None:
    """The index loses no match, and what is left of a condition for one event means the same there."""
    tree = checked(text)
    known, truth = certainty(tree, facts.event), holds(tree, facts)
    assert known in {None, truth}
    assert not truth or facts.event in events_of(tree)
    assert holds(simplified(tree, facts.event), facts) == truth


GLOB_TEXT = st.text(alphabet="ab*?\\[", max_size=10)


@given(GLOB_TEXT, st.text(alphabet="ab*?[\\", max_size=12))
@settings(max_examples=50)
def test_a_glob_is_what_the_standard_library_takes_it_for(pattern: str, text: str) -> None:
    try:
        ours = matches(glob(pattern), text)
    except ValueError:
        assert len(pattern) - len(pattern.rstrip("\\")) & 1
        return
    pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
    theirs = "".join(
        f"[{piece[1]}]" if piece[0] == "\\" and len(piece) > 1 else "[[]" if piece == "[" else piece
        for piece in pieces
    )
    assert ours == fnmatch.fnmatchcase(text, theirs)


@pytest.mark.parametrize(
    "pattern", ["*a" * 400 + "b", "*?a" * 300 + "b", "*" * 1000, "?" * 500 + "*" + "a" * 400]
)
def test_a_hostile_glob_takes_no_time(pattern: str) -> None:
    """A backtracking matcher would not come back."""
    assert matches(glob(pattern), "a" * 100_000) is (set(pattern) == {"*"} or pattern.endswith("aa"))


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ('event == "push"', {"push"}),
        ('event in ["push", "issues"] && kind == "issue"', {"issues"}),
        (
            'event ~ "pull_request*" && draft',
            {"pull_request", "pull_request_target"}
            | {e for e in EVENTS if e.startswith("pull_request_review")},
        ),
        ('job == "tests"', {"workflow_run", "workflow_job", "check_run", "status"}),
        ('job == ""', set(EVENTS)),
        ('event != "push"', set(EVENTS) - {"push"}),
        (
            'event == "push" || severity >= "high"',
            {"push", "code_scanning_alert", "dependabot_alert", "secret_scanning_alert", "suggestion"},
        ),
        ("draft && !draft", set()),
        ('event == "push" && event == "issues"', set()),
        ('event == "push" && job == "x"', set()),
        ('action == "a" && action in ["b", "c"]', set()),
        ('title == "a" && title ~ "b*"', set()),
        ('title == "a" && title !~ "b*"', {e for e in EVENTS if "title" in EVENTS[e].has}),
        ("additions > 5 && additions < 5", set()),
        ("additions >= 5 && additions < 5", set()),
        ('label == "a" && label == "b" && label ~ "c*"', {e for e in EVENTS if "labels" in EVENTS[e].has}),
        ('event == "pull_request" && (title == "x" && (action == "a" && title == "y"))', set()),
        (
            'severity > "critical"',
            {"code_scanning_alert", "dependabot_alert", "secret_scanning_alert", "suggestion"},
        ),
    ],
)
def test_which_events_can_change_a_condition(text: str, events: set[str]) -> None:
    assert events_of(checked(text)) == events
