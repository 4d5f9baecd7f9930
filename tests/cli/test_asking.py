"""A person's yes is a letter that they typed."""

import sys
from io import StringIO

import pytest

from penstock.cli.demo import answered


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("y\n", "y"), ("n\n", "n"), ("\n\n \nn\n", "n"), ("yes\nY\n1\nq\n", "q"), ("\n", "q"), ("", "q")],
)
def test_only_a_letter_that_is_typed_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, typed: str, meant: str
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO(typed))
    assert answered("Approve?", "y", "n", "q") == meant
