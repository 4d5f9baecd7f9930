"""The pure core: no IO, no clock, no randomness; decisions are values."""
