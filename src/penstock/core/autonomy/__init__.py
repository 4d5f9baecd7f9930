"""Who may act without a person: what is granted, earned, used up, suspended, and kept for people in every mode.

What holds for the whole installation and not for one change is told by a chain of its own in the ledger, the
governance log; `Governance` is its fold.
"""
