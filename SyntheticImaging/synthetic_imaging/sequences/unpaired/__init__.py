"""One sequence from another, learned from patients none of whom had both: SynDiff and what it is compared with."""
