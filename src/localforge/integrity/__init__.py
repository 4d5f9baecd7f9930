"""What holds the database and the repositories together: claimed by one process, mended after a crash, examined."""
