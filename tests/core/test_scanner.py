"""The scanner with small books: what confirms a match, what is kept of overlapping ones, and that nothing is left."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.secrets import BUILT_IN, Finding, Rule, RuleBook, Scanner
from penstock.core.secrets.rules import Expression

WORD = Rule(id="word", source="test", expression=r"key=(\w+)")
VALUE = "k9Q2" + "vX7b"


def compiled(expression: str) -> Expression:
    return re.compile(expression.encode())


def scanner(*rules: Rule, words: tuple[str, ...] = ()) -> Scanner:
    return Scanner(RuleBook(sources=(), rules=rules, words=words), compiled, lambda _: range(len(rules)))


CONFIRMED = [
    ("the first group that took part", WORD, "key=abc", "key=[redacted word]"),
    ("the whole match without a group", replace(WORD, expression=r"key=\w+"), "key=abc", "[redacted word]"),
    ("a named group", replace(WORD, expression=r"(k)ey=(\w+)", group=2), "key=abc", "key=[redacted word]"),
    (
        "a group that took part",
        replace(WORD, expression=r"key=(?:\"(\w+)\"|(\w+))"),
        "key=abc",
        "key=[redacted word]",
    ),
    ("a keyword on its line", replace(WORD, keywords=("acme",)), "ACME key=abc", "ACME key=[redacted word]"),
    ("no keyword on its line", replace(WORD, keywords=("acme",)), "acme\nkey=abc", "acme\nkey=abc"),
    (
        "a keyword too far off",
        replace(WORD, keywords=("acme",)),
        "acme" + " " * 300 + "key=abc",
        "acme" + " " * 300 + "key=abc",
    ),
    ("enough chance", replace(WORD, entropy=2.5), f"key={VALUE}", "key=[redacted word]"),
    ("too little chance", replace(WORD, entropy=2.5), "key=aaaabbbb", "key=aaaabbbb"),
    ("excluded", replace(WORD, exclude=("^x", "^abc$")), "key=abc", "key=abc"),
    ("not excluded", replace(WORD, exclude=("^x", "^abc$")), "key=abcd", "key=[redacted word]"),
    ("excluded by its match", replace(WORD, exclude_match=("^key=a",)), "key=abc", "key=abc"),
    ("excluded by its line", replace(WORD, exclude_line=("sample",)), "a sample: key=abc", "a sample: key=abc"),
    ("excluded by no other line", replace(WORD, exclude_line=("sample",)), "sample\nkey=abc", "sample\nkey=[redacted word]"),
    ("what it needs", replace(WORD, require=("[0-9]", "[a-z]")), "key=a1", "key=[redacted word]"),
    ("not all that it needs", replace(WORD, require=("[0-9]", "[a-z]")), "key=abc", "key=abc"),
    ("to its end", replace(WORD, expression="<(a|b)>", until="</{}>"), "x <a> </b> </a> y", "x [redacted word] y"),
    ("to the end of the text", replace(WORD, expression="<(a|b)>", until="</{}>"), "x <a> </b> y", "x [redacted word]"),
    ("one after the other", WORD, "key=a key=b", "key=[redacted word] key=[redacted word]"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "rule", "text", "left"), CONFIRMED, ids=[each[0] for each in CONFIRMED])
def test_a_match_is_confirmed(what: str, rule: Rule, text: str, left: str) -> None:
    one = scanner(rule)
    assert one.redact(text) == left
    assert bool(one.find(text)) is (text != left)


PLACEHOLDERS = ["password", "changeme", "CHANGE_ME", "your_password", "<password>", "${PASSWORD}", "$PASSWORD", "%PASSWORD%", "{{", "password", "}}", "@PASSWORD@", "******", "xxxxxxxx", "None", "null", "undefined", "self.password", "os.environ['PW']", "process.env.SECRET", "get_password()", "config.token", "my-secret-key", "test-token", "foobar", "placeholder", "REDACTED", "/run/secrets/password", "example_password", "#{password}", "data.token", "%s", "........", "aaaaaaaa"]  # fmt: skip


@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_what_stands_for_a_secret_is_none(value: str) -> None:
    assert not scanner(replace(WORD, expression=r"key=(.+)", literal=True)).find(f"key={value}")


@pytest.mark.parametrize(
    "value",
    ["hunter2", "correct-horse-battery", "Pa55word!", "s3cr3t", "Tr0ub4dor&3", "p@ssw0rd", "aaaaaaab", "zu" + "gang"],
)  # fmt: skip
def test_what_may_be_a_secret_is_one(value: str) -> None:
    assert scanner(replace(WORD, expression=r"key=(.+)", literal=True)).find(f"key={value}")


def test_a_random_value_contains_no_words() -> None:
    random = scanner(replace(WORD, random=True), words=("account",))
    assert random.find(f"key={VALUE}")
    assert not random.find("key=myAccount7")


def test_overlapping_findings_are_one_of_the_highest_rank() -> None:
    wide = Rule(id="wide", source="test", expression=r"key=\w+", rank=0)
    two = scanner(wide, WORD)
    assert two.find("a\nkey=abc") == (Finding(rule="word", first=2, last=2),)
    assert two.redact("a\nkey=abc;") == "a\n[redacted word];"


def test_lines_are_those_of_the_text_that_people_see() -> None:
    body = "\n".join("MIIEvQ" + "x" * 58 for _ in range(3))
    key = f"-----BEGIN PRIVATE {'KEY'}-----\n{body}\n-----END PRIVATE {'KEY'}-----"
    token = "ghp_" + "a" * 36
    text = f"one\r\ntwo \u200b {token}\n{key}\n{token}"
    found = BUILT_IN.find(text)
    assert [(each.rule, each.first, each.last) for each in found] == [
        ("github-token", 2, 2),
        ("private-key", 3, 7),
        ("github-token", 8, 8),
    ]
    assert token not in repr(found)


def test_a_key_without_a_body_is_only_spoken_of() -> None:
    begin, end = (f"-----{side} RSA PRIVATE {'KEY'}-----" for side in ("BEGIN", "END"))
    assert BUILT_IN.find(f"a PEM file starts with {begin} and ends with {end}") == ()


def test_redaction_that_brings_about_a_finding_is_repeated_or_leaves_nothing() -> None:
    """A rule that matches what redaction writes can never be satisfied, so the whole text goes."""
    assert scanner(Rule(id="r", source="test", expression=r"r[a-z]*")).redact("a r z") == "[redacted]"
    inner = Rule(id="x", source="test", expression="b+")
    outer = Rule(id="y", source="test", expression=r"a(\[redacted x\])a")
    assert scanner(inner, outer).redact("abba") == "a[redacted y]a"


def test_no_character_is_cut_in_half() -> None:
    bytewise = scanner(Rule(id="x", source="test", expression=r"key=([^;[]{5})"))
    assert bytewise.redact("key=aé€é;z") == "key=[redacted x]é;z"


TOKENS = st.sampled_from(
    [
        "ghp_" + "a1" * 18,
        "AKIA" + "B7" * 8,
        "xoxb-" + "12" * 8,
        f"-----BEGIN PRIVATE {'KEY'}-----\n" + "Ab1" * 30,
    ]
)
PIECES = st.lists(
    st.one_of(TOKENS, st.text(max_size=8), st.sampled_from(["\u200b", "\0", "\n", "\udc80"])), max_size=8
)


@given(PIECES, st.lists(st.text("qzj7", min_size=4, max_size=8), max_size=2))
def test_after_redaction_nothing_is_found(pieces: list[str], known: list[str]) -> None:
    clean = BUILT_IN.redact("".join(pieces), known)
    assert BUILT_IN.find(clean, known) == ()
    assert BUILT_IN.redact(clean, known) == clean
