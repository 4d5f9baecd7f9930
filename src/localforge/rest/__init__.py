"""REST operations, one file per area; each holds an `area` table that `running.AREAS` lists."""
