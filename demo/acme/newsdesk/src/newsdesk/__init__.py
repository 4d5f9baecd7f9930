"""Plain-text and HTML digests of posts."""

from collections.abc import Mapping
from html import escape

from textkit import slugify, truncate, word_count

__all__ = ["html_digest", "text_digest"]
__version__ = "1.0.0"


def text_digest(posts: Mapping[str, str], limit: int = 40) -> str:
    """One line per post: title, shortened body, number of words."""
    return "\n".join(f"* {title}: {truncate(body, limit)} ({word_count(body)} words)" for title, body in posts.items())


def html_digest(posts: Mapping[str, str]) -> str:
    """A section per post, with an anchor made from its title."""
    return "\n".join(
        f'<section id="{slugify(title)}"><h2>{escape(title)}</h2><p>{escape(body)}</p></section>'
        for title, body in posts.items()
    )
