"""Penstock: a policy- and gate-driven development orchestrator for GitHub organizations."""

__version__ = "0.1.0"
