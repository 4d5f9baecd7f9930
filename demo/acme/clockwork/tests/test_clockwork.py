from datetime import timedelta

import pytest

from clockwork import parse, render


@pytest.mark.parametrize(("text", "seconds"), [("1h30m", 5400), ("45s", 45), ("2h", 7200), ("1h0m1s", 3601)])
def test_parse_and_render_agree(text: str, seconds: int) -> None:
    assert parse(text) == timedelta(seconds=seconds)
    assert parse(render(parse(text))) == parse(text)


@pytest.mark.parametrize("text", ["", "90", "1m1h", "h"])
def test_parse_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse(text)
