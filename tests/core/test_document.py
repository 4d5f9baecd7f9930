"""Strict documents: what is wrong is named with its line, and nothing is coerced into being right."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from penstock.core.document import HINTS, MAX_BYTES, Rejected, parse


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    __pydantic_config__ = ConfigDict(extra="forbid")
    source: Annotated[str, Field(alias="from")]
    times: Annotated[int, Field(ge=1)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    __pydantic_config__ = ConfigDict(extra="forbid")
    name: str
    steps: tuple[Step, ...] = ()
    first: Step | None = None
    colour: Colour = Colour.RED

    def __post_init__(self) -> None:
        if self.name == "taken":
            raise ValueError("this name is taken")


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid")
    words: dict[str, Step] = {}


PLAN = TypeAdapter(Plan)
SECTION = TypeAdapter(Section)


def test_a_document_becomes_its_type() -> None:
    text = "name: on\nsteps:\n  - from: here\n    times: 2\nfirst: {from: there}\ncolour: green\n"
    assert parse(text, PLAN) == Plan(
        name="on", steps=(Step(source="here", times=2),), first=Step(source="there"), colour=Colour.GREEN
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nmae: x", ["f:1:1: the key `name` is missing", "f:1:1: nmae: unknown key; did you mean `name`?"]),
        ("name: x\nname: y", ["f:2:1: name: this key is given twice"]),
        (
            "name: x\nsteps:\n  - form: y\n    from: z\n",
            ["f:3:5: steps[0].form: unknown key; did you mean `from`?"],
        ),
        (
            "name: x\nfirst:\n  from: z\n  time: 3\n",
            ["f:4:3: first.time: unknown key; did you mean `times`?"],
        ),
        (
            "name: x\nsteps:\n  - from: y\n    times: '2'\n",
            ["f:4:5: steps[0].times: Input should be a valid integer"],
        ),
        (
            "name: x\nsteps:\n  - from: y\n    times: 0\n",
            ["f:4:5: steps[0].times: Input should be greater than or equal to 1"],
        ),
        (
            "name: x\ncolour: gren\n",
            ["f:2:1: colour: Input should be 'red' or 'green'; did you mean `green`?"],
        ),
        ("name: taken", ["f:1:1: this name is taken"]),
        ("name: [x", ["f:1:9: expected ',' or ']', but got '<stream end>'"]),
        (
            "name: &a x\nsteps: *a",
            ["f:1:7: steps: aliases are not supported: write the value out where it is used"],
        ),
        (
            "name: !!python/name:os.system x",
            ["f:1:7: name: the tag tag:yaml.org,2002:python/name:os.system is not supported"],
        ),
        ("? [a, b]\n: c", ["f:1:3: a key must be a plain word"]),
        ("name: x\n---\nname: y", ["f:2:1: but found another document"]),
        ("name: x\ncolour: \x07", ["f:2:9: a control character, which YAML does not allow"]),
        *(
            (
                f"name: x\nfirst: {{from: y, times: {number}}}",
                ["f:2:25: first.times: a number has at most 19 digits"],
            )
            for number in ("9" * 20, "9" * 5000, "0x" + "f" * 5000, "-" + "1" * 5000)
        ),
        ("", ["f:1:1: Input should be an object"]),
        ("[" * 3000, ["f:1:1: nested too deeply"]),
        ("name: yes\n" + " " * (1 << 20), ["f:1:1: longer than 1048576 characters"]),
    ],
)
def test_a_problem_says_where_and_what_next(text: str, expected: list[str]) -> None:
    found = parse(text, PLAN)
    assert isinstance(found, Rejected)
    assert [problem.shown("f") for problem in found.problems] == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"name: x\ncolour: \xff", "f:2:9: not UTF-8"),
        (b"\0" * (MAX_BYTES + 1), "f:1:1: longer than 1048576 characters"),
        ("é".encode() * (1 << 20) + b"x", "f:1:1: longer than 1048576 characters"),
    ],
)
def test_a_file_that_is_no_text_or_has_no_end_is_rejected(raw: bytes, expected: str) -> None:
    found = parse(raw, PLAN)
    assert isinstance(found, Rejected)
    assert [problem.shown("f") for problem in found.problems] == [expected]


def test_a_file_is_read_as_its_text() -> None:
    assert parse("name: é\r\ncolour: red\r\n".encode(), PLAN) == Plan(name="é")


def test_the_first_unknown_keys_get_a_hint_and_all_are_named() -> None:
    found = parse("name: x\n" + "".join(f"colou{n}: 1\n" for n in range(2000)), PLAN)
    assert isinstance(found, Rejected)
    assert len(found.problems) == 2000
    assert [bool(problem.nearest) for problem in found.problems] == [n < HINTS for n in range(2000)]


def test_unknown_keys_are_found_in_the_values_of_a_mapping_too() -> None:
    found = parse("words:\n  one:\n    from: x\n    tmies: 2\n", SECTION)
    assert isinstance(found, Rejected)
    assert found.problems[0].shown("f") == "f:4:5: words.one.tmies: unknown key; did you mean `times`?"


@given(st.text(max_size=200))
def test_any_text_is_a_value_or_rejected(text: str) -> None:
    found = parse(text, PLAN)
    assert isinstance(found, Plan) or found.problems


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "off", "012", "1_000", "12:30", "2026-01-01", "<<", "=", ".inf"]
)
def test_words_that_older_yaml_reads_as_something_else_stay_words(word: str) -> None:
    assert parse(f"name: {word}", PLAN) == Plan(name=word)
