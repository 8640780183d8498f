"""What generations cost: prices, measured spend and the budget."""
