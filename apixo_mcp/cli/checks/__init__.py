"""What `doctor` finds, and how it tries a server that is somewhere else."""
