"""Routing: which agents run for a signal.

A condition's text is read (`reading`), typed against the names there are (`names`, `checking`), and compiled from the
checked tree alone (`compiling`); `reach` tells which events can make it true. `loading` makes a rule set of documents,
`router` asks it, `admission` says who of the routed may run, and `explaining` shows why as a verdict tree.
"""
