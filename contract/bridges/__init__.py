"""Bridges of libraries, by their own and by sideloop's drop-ins: their tests, costs and hazards."""
