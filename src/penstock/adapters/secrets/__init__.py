"""Secrets in texts: the whole rule book on hyperscan, or on an automaton of keywords where that is missing."""

from penstock.adapters.secrets.secrets import Secrets

__all__ = ["Secrets"]
