"""A package whose async code takes callables, from which stubs are made."""
