"""Characters that make a text look like something it is not ("Trojan Source", CVE-2021-42574, and its relatives)."""

import re

_CONTROLS = "\x00-\x08\x0b\x0e-\x1f\x7f-\x9f"
_BIDIRECTIONAL = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = "\u00ad\u115f\u1160\u180e\u200b\u2060-\u2064\u3164\ufe00-\ufe0e\ufeff\uffa0\U000e0000-\U000e01ef"
_ASCII = "\x00-\x7f"
_HIDDEN = re.compile(
    f"[{_CONTROLS}{_BIDIRECTIONAL}{_INVISIBLE}]"
    f"|\r(?!$)"
    # Joiners belong into emoji and into scripts that need them, never beside ASCII.
    f"|(?<![^{_ASCII}])[\u200c\u200d]|[\u200c\u200d](?![^{_ASCII}])",
    re.MULTILINE,
)


def has_hidden(line: str, *, first: bool = False) -> bool:
    """Does one line have bidirectional controls, control characters or invisible ones; `first` may have a BOM."""
    return _HIDDEN.search(line.removeprefix("\ufeff") if first else line) is not None


def made_visible(text: str) -> str:
    """The text with every such character spelt out, so that a person who reads a patch sees it."""
    return _HIDDEN.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)
