"""What can be made: every model, its inputs and their limits. Pure data, no I/O."""
