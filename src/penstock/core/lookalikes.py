"""Letters that pass for others: a word that reads like another, and is a different one to a compiler.

After Unicode Technical Standard #39: a word mixes scripts only as its "highly restrictive" profile lets it; and a
word of one foreign script that looks Latin throughout, on a line that has no other letter of that script, is none.
"""

import re
from unicodedata import category, name, normalize

_WORD = re.compile(r"\w+")
_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
"""Scripts that one word may have at the same time."""
_LATIN_TO_THE_EYE = frozenset(
    "аеорсухіјѕԁԛԝһӏѵгАВЕЗКМНОРСТУХІЈЅԚԜҮѴονανριυγκϳϲΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹͿσηօոսհգցզքՏՍՕԼᎠᎡᎢᎥᎪᎫᎬᎳᎷᎻᎽᏀᏃᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏳᏴ"
)
"""Cyrillic, Greek, Armenian and Cherokee letters that look Latin (after confusables.txt of UTS #39)."""
_LATIN_LIKE_ASCII = frozenset("ǀǁǂǃɑɡɩɪɴʀʏʙʜʟᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢꜱ")
"""Of the Latin script themselves, and taken for an ASCII letter or mark; none of them belongs beside one."""
_ORDINAL = frozenset("ªº")
_MARKS = re.compile(
    "(?<=[!-~])(?:[\u037e\u0589\u02f8\ua789\u29f8\u2024\u204e]"
    "|[\u2044\u2215\u2217\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff5e](?=[!-~]|$))"
)
"""Marks that pass for ASCII ones, right behind one; those that people write too only before one or the end of the line."""


def disguised(line: str) -> str:
    """What in one line is not what it looks like: the character, and the word that it stands in; empty if nothing."""
    if line.isascii():
        return ""
    letters = {char: script for char in set(line) if (script := _script(char))}
    spoken = frozenset(script for char, script in letters.items() if char not in _LATIN_TO_THE_EYE)
    for match in _WORD.finditer(line):
        word = match.group()
        if not word.isascii() and (char := _foreign(word, spoken)):
            return f"U+{ord(char):04X} in {word[:40]!a}"
    mark = _MARKS.search(line)
    if mark and set(letters.values()) <= {"LATIN"}:
        return f"U+{ord(mark[0]):04X} for an ASCII mark"
    return ""


def _foreign(word: str, spoken: frozenset[str]) -> str:
    """The first character of the word that passes for another; empty if there is none.

    `spoken`: the scripts that the line is written in, since it has letters of them that look like no Latin one.
    """
    of = {char: script for char in word if (script := _script(char))}
    found = frozenset(of.values())
    latin = any(char.isascii() for char in of)
    for char in word:
        if _is_styled(char) and (latin or sum(map(_is_styled, word)) > 1):
            return char
        if char in _LATIN_LIKE_ASCII and latin:
            return char
        if "GREEK" in found and found == {"LATIN", "GREEK"} and char in _LATIN_TO_THE_EYE:
            return char
    if len(found) > 1 and found != {"LATIN", "GREEK"} and not any(found <= allowed for allowed in _TOGETHER):
        return next(char for char in word if of.get(char, "LATIN") != "LATIN")
    alone = len(word) > 1 and bool(of) and all(char in _LATIN_TO_THE_EYE for char in of)
    return word[0] if alone and not found & spoken else ""


def _script(char: str) -> str:
    """The first word of a letter's Unicode name, which for letters is the script; empty for what has none."""
    if char.isascii():
        return "LATIN" if char.isalpha() else ""
    if category(char) not in {"Lu", "Ll", "Lt", "Lo"} or _is_styled(char) or char in _ORDINAL:
        return ""
    first = name(char, "").partition(" ")[0]
    return (
        "" if first in {"MICRO", "OHM", "KELVIN", "ANGSTROM", "DOUBLE-STRUCK", "PLANCK", "SCRIPT"} else first
    )


def _is_styled(char: str) -> bool:
    """An ASCII letter or digit in another style (fullwidth, mathematical, long s): Python takes it for the ASCII one."""
    if char.isascii() or char in _ORDINAL or category(char) not in {"Lu", "Ll", "Lo", "Nd"}:
        return False
    plain = normalize("NFKC", char)
    return len(plain) == 1 and plain.isascii() and plain.isalnum()
