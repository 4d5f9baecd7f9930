"""Run by Alembic, inside the transaction that `database.migrate` began."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
