"""What may be done: every write together with its audit row, every access by who asks."""
