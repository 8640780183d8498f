"""Facts about the work, and who listens to them."""
