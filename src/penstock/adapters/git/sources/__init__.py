"""Sources of strangers, parsed in a process of its own: parsers in C and deep recursion can take it down, and nothing else."""
