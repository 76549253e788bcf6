"""What everything else may use: errors, stacks, time limits."""
