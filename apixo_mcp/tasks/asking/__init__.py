"""A call that asks for a task: read, checked, admitted once, and whether its answer arrives."""
