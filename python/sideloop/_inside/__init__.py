"""Seeing inside: what every runner does, and has done."""
