"""What the contents of changed files say: their API, how tangled they are, their licence, what an audit found. Values only."""
