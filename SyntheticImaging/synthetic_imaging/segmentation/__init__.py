"""Networks that draw structures: trained on real and synthetic cases in several ways, and applied to loaded volumes."""
