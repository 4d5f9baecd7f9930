"""Rules that judge a change: the policy itself, and what it says of a patch set."""
