"""What is compared: a sync client of the library by each tool, as its documents say to make it."""
