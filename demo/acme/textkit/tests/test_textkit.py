import pytest

from textkit import slugify, truncate, word_count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World", "hello-world"),
        ("Crème brûlée, twice!", "creme-brulee-twice"),
        ("  --already--slugged-- ", "already-slugged"),
        ("", ""),
        ("!!!", ""),
    ],
)
def test_slugify(text: str, expected: str) -> None:
    assert slugify(text) == expected


def test_slugify_takes_a_separator() -> None:
    assert slugify("One Two", separator="_") == "one_two"


def test_truncate_cuts_between_words() -> None:
    assert truncate("A long sentence about tea", 12) == "A long…"
    assert truncate("short", 12) == "short"


def test_truncate_refuses_nothing() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        truncate("x", 0)


def test_word_count() -> None:
    assert word_count("it's three words") == 3
