"""Small functions for text that becomes part of a URL or a page."""

import re
import unicodedata

__all__ = ["slugify", "truncate", "word_count"]
__version__ = "1.0.0"


def slugify(text: str, separator: str = "-") -> str:
    """Lower-case ASCII words joined by the separator; accents are dropped, everything else separates."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return separator.join(re.findall(r"[a-z0-9]+", ascii_text.lower()))


def truncate(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words, with an ellipsis where something was cut."""
    if limit < 1:
        raise ValueError("limit must be at least 1")
    if len(text) <= limit:
        return text
    kept = text[:limit].rsplit(" ", 1)[0] if " " in text[:limit] else text[: limit - 1]
    return kept.rstrip(" ,;:.") + "…"


def word_count(text: str) -> int:
    """Words, as runs of letters, digits and apostrophes."""
    return len(re.findall(r"[\w']+", text))
