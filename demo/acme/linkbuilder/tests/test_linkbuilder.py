from datetime import date

from linkbuilder import Post, author_path, permalink

TEA = Post(title="On Green Tea", author="Ada L.", published=date(2026, 3, 9))


def test_permalink() -> None:
    assert permalink(TEA) == "/2026/03/on-green-tea"


def test_permalink_of_a_title_without_letters() -> None:
    assert permalink(Post(title="!?", author="Ada L.", published=date(2026, 3, 9))) == "/2026/03/09"


def test_author_path() -> None:
    assert author_path(TEA) == "/authors/ada-l"
