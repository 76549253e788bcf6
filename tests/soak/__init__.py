"""All hazards at once, at random, for as long as one likes: `python -m soak --help`."""
