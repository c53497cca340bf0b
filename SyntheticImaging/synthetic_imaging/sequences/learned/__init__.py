"""Missing sequences by networks that have learned from phantoms, and how far to trust them."""
