"""The models that can be had, their inputs and their limits. Pure data, no I/O."""
