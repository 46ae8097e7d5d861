"""What each command of the CLI does, one module a command; part of the composition root."""
