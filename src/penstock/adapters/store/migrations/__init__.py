"""The database's history. Migrations run by themselves when a database is opened."""
