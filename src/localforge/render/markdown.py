"""Markdown as people wrote it, to HTML in which nothing they wrote is markup of ours."""

from functools import cache
from typing import TYPE_CHECKING

from localforge.json_types import Json

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


def to_html(text: str) -> str:
    """HTML of Markdown with tables, strike-through and links; raw HTML in it is shown, not obeyed."""
    return str(_parser().render(text))


def bodies(text: str | None, kind: str) -> dict[str, Json]:
    """The fields of a text for a media type: `body` (json, raw), `body_html`, `body_text`, or all (full)."""
    match kind:
        case "html":
            return {"body_html": to_html(text or "")}
        case "text":
            return {"body_text": text or ""}
        case "full":
            return {"body": text, "body_html": to_html(text or ""), "body_text": text or ""}
        case _:
            return {"body": text}


@cache
def _parser() -> "MarkdownIt":
    # Imported when the first text is rendered, not at start-up.
    from markdown_it import MarkdownIt

    return MarkdownIt("js-default", {"html": False, "breaks": True})
