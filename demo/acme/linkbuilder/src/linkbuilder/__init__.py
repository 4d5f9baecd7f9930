"""Permalinks for posts and authors."""

from dataclasses import dataclass
from datetime import date

from textkit import slugify

__all__ = ["Post", "author_path", "permalink"]
__version__ = "1.0.0"


@dataclass(frozen=True)
class Post:
    title: str
    author: str
    published: date


def permalink(post: Post) -> str:
    """`/2026/03/the-title`, or the date alone for a title without letters."""
    slug = slugify(post.title)
    day = f"/{post.published:%Y/%m}"
    return f"{day}/{slug}" if slug else f"{day}/{post.published:%d}"


def author_path(post: Post) -> str:
    return f"/authors/{slugify(post.author)}"
