"""Images made of formulas: for first steps without a network, and for tests."""
