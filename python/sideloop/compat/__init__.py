"""Drop-ins for other packages' bridges."""
