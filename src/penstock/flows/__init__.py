"""Flows: raw events become signals and changes, effects become port calls, and the fold drives it all."""
