"""GitHub Apps: registering and installing them, what they say of themselves, and the tokens they are given."""
