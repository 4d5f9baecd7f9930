"""Agents that propose trees. None of them holds a credential or can act."""
