"""Exit codes, the same for every command.

0 done · 1 it ran, and the answer is no (refused, failed, not found) · 2 wrong use or configuration: nothing was
started · 3 the forge cannot be reached, or does not permit it · 4 it waits for a person; what to type is said ·
5 the ledger does not verify · 130 interrupted; running it again continues
"""

from enum import IntEnum


class Exit(IntEnum):
    DONE = 0
    NO = 1
    WRONG_USE = 2
    FORGE = 3
    WAITS = 4
    LEDGER = 5
    INTERRUPTED = 130
