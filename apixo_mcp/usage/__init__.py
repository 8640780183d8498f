"""What generations cost: prices, and the budget."""
