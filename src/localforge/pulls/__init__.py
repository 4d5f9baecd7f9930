"""Pull requests: opening, following branches, judging whether they can be merged, merging, reviewing."""
