"""One event loop, whoever runs it, from its making to its end."""
