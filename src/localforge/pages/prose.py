"""Texts that strangers wrote (bodies, comments, READMEs) as HTML of a safe subset of Markdown.

The Markdown renderer shows raw HTML as text. On top of that: comments that begin a line vanish, `<details>` and `<summary>` alone on
a line fold, links lead to http and https only, and pictures become their description.
"""

import re
from collections.abc import Iterator
from html import escape

from localforge.render.markdown import to_html

LARGEST = 256 * 1024
_DEEPEST = 20
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_FOLD = re.compile(r"\s*<details>\s*(?:<summary>(?P<title>.*?)</summary>)?\s*", re.IGNORECASE)
_TITLE = re.compile(r"\s*<summary>(?P<title>.*?)</summary>\s*", re.IGNORECASE)
_END = re.compile(r"\s*</details>\s*", re.IGNORECASE)
# In the renderer's output a quote or bracket of an author's is always an entity, so these match its own tags alone.
_LINK = re.compile(r'<a href="(?P<to>[^"]*)"[^<>]*>')
_PICTURE = re.compile(r'<img src="[^"]*" alt="(?P<alt>[^"]*)"[^<>]*>')


def to_page_html(text: str) -> str:
    """The text as HTML in which no tag, attribute or address is an author's choice beyond what is said above."""
    parts: list[str] = []
    plain: list[str] = []
    depth = 0
    awaits_title = False

    def flush() -> None:
        if any(line.strip() for line in plain):
            parts.append(_rendered("".join(plain)))
        plain.clear()

    for line, fenced in _lines(text[:LARGEST]):
        if not fenced and depth < _DEEPEST and (fold := _FOLD.fullmatch(line)):
            flush()
            awaits_title = fold["title"] is None
            depth += 1
            parts.append(
                "<details>" if awaits_title else f"<details><summary>{escape(fold['title'])}</summary>"
            )
        elif not fenced and awaits_title and (title := _TITLE.fullmatch(line)):
            awaits_title = False
            parts.append(f"<summary>{escape(title['title'])}</summary>")
        elif not fenced and depth and _END.fullmatch(line):
            flush()
            depth -= 1
            parts.append("</details>")
        else:
            awaits_title = awaits_title and not line.strip()
            plain.append(line)
    flush()
    return "".join(parts) + "</details>" * depth


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """The lines without comments, and whether each belongs to a fenced code block, where nothing is special."""
    fence, hidden = "", False
    for line in text.splitlines(keepends=True):
        if fence:
            yield line, True
            end = line.strip()
            fence = "" if end.startswith(fence) and not end.strip(fence[0]) else fence
            continue
        kept, hidden = _outside_comments(line, hidden=hidden)
        opened = _FENCE.match(kept)
        fence = opened[1] if opened else ""
        if kept.strip() or kept == line:
            yield kept, bool(fence)


def _outside_comments(line: str, *, hidden: bool) -> tuple[str, bool]:
    """What of a line is outside comments, which begin at the start of a line; whether one is open at its end."""
    while True:
        if hidden:
            _, end, line = line.partition("-->")
            if not end:
                return "", True
        if not line.lstrip().startswith("<!--"):
            return line, False
        line, hidden = line.lstrip().removeprefix("<!--"), True


def _rendered(text: str) -> str:
    return _PICTURE.sub(r"\g<alt>", _LINK.sub(_link, to_html(text)))


def _link(found: re.Match[str]) -> str:
    if re.match(r"(https?://|#)", found["to"], re.IGNORECASE):
        return f'<a rel="nofollow noopener" href="{found["to"]}">'
    return "<a>"
