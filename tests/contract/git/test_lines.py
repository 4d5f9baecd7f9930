"""The quick way to what was added, against the plain one."""

from collections import Counter
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from penstock.adapters.git.lines import added_lines

CONTENT = st.lists(st.sampled_from([b"a", b"b", b"\n", b"\n", b"\r\n", b"\xff"]), max_size=20).map(b"".join)


def plainly(old: bytes, new: bytes) -> Iterator[tuple[int, str]]:
    left = Counter(old.split(b"\n"))
    for number, line in enumerate(new.split(b"\n")):
        left[line] -= 1
        if left[line] < 0:
            yield number, line.decode(errors="replace")


@given(start=CONTENT, old=CONTENT, new=CONTENT, end=CONTENT)
def test_added_lines_are_those_that_are_more(start: bytes, old: bytes, new: bytes, end: bytes) -> None:
    before, after = start + old + end, start + new + end
    assert added_lines(before, after) == list(plainly(before, after))
