"""The store: ledger, texts and queue in one database, SQLite today; SQL that Postgres reads too."""
