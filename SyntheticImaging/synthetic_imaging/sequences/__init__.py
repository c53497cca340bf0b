"""MR sequences that were not acquired: from tissue maps, or from the sequences that were."""
