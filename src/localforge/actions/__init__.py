"""GitHub Actions for the embedded forge: reading workflow files, planning runs, and running jobs in a sandbox."""
