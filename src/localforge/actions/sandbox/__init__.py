"""A job's sandbox: bubblewrap around a supervisor that runs the job's commands, and one way out: to the forge."""
