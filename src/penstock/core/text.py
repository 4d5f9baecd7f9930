"""Characters that make a text look like something it is not ("Trojan Source", CVE-2021-42574, and its relatives)."""

import re
from functools import lru_cache
from unicodedata import category

_CONTROLS = "\x00-\x08\x0b\x0e-\x1f\x7f-\x9f"
_BIDIRECTIONAL = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u3164\ufe00-\ufe0e\ufeff\uffa0\U000e0000-\U000e01ef"
_ASCII = "\x00-\x7f"
_HIDDEN = re.compile(
    f"[{_CONTROLS}{_BIDIRECTIONAL}{_INVISIBLE}]"
    f"|\r(?!$)"
    # Joiners belong into emoji and into scripts that need them, never beside ASCII.
    f"|(?<![^{_ASCII}])[\u200c\u200d]|[\u200c\u200d](?![^{_ASCII}])",
    re.MULTILINE,
)
_COLOUR = re.compile("\x1b\\[(?:[01]|(?:1;)?3[0-7])?m(?=[\"'])")
"""Weight or colour of letters (ECMA-48, 8.3.117) as the end of a quoted text: nothing of the line itself is coloured by it."""
_CONNECTING = "\u200c\u200d\ufe0f"
"""Joiners, and the selector of emoji: legitimate between some characters, nothing between others."""
_ASCII_CONTROLS = bytes({*range(32), 127} - set(b"\n\r\t"))
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LEGITIMATE = frozenset("\n\t\u200c\u200d")
"""Of the unprintable ones: line ends, tabs, and joiners where `_HIDDEN` left them."""


def has_hidden(line: str, *, first: bool = False) -> bool:
    """Does one line have bidirectional controls, control characters or invisible ones; `first` may have a BOM.

    A colour that a quoted text ends with is what shell scripts keep to colour other texts with.
    """
    if line.isascii() and line.replace("\t", " ").isprintable():
        return False  # as good as every line
    rest = line.removeprefix("\ufeff") if first else line
    return _HIDDEN.search(_COLOUR.sub("", rest)) is not None


def made_visible(text: str) -> str:
    """The text with every such character spelt out, so that a person who reads a patch sees it."""
    return _HIDDEN.sub(lambda match: _spelt(match[0]), text)


def printable(text: str) -> str:
    """For terminals and forges: nothing is left that moves a cursor, reorders, hides or breaks off a line."""
    return "".join(_spelt(char) if _is_unprintable(char) else char for char in made_visible(text))


def without_hidden(text: str) -> str:
    """The text without every such character, line ends and tabs aside."""
    return "".join(char for char in _HIDDEN.sub("", text) if not _is_unprintable(char))


def without_unseen(text: str) -> str:
    """The text without whatever may be seen as nothing, wherever it stands; line ends and tabs aside."""
    if text.isascii() and not _has_controls(text):
        return text  # as good as every text
    alphabet = set(text)  # small, however long the text
    unseen = {ord(char): None for char in alphabet if _is_unseen(char)}
    return text.translate(unseen) if unseen else text


def _has_controls(ascii_text: str) -> bool:
    return len(ascii_text.encode().translate(None, _ASCII_CONTROLS)) < len(ascii_text)


@lru_cache(4096)
def _is_unseen(char: str) -> bool:
    if char in "\n\r\t":
        return False
    return char in _CONNECTING or _is_unprintable(char) or _HIDDEN.search(char) is not None


def _is_unprintable(char: str) -> bool:
    return category(char) in _UNPRINTABLE and char not in _LEGITIMATE


def _spelt(char: str) -> str:
    return f"<U+{ord(char):04X}>"
