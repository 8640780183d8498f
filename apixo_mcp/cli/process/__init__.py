"""A process of this program: its settings and log, how it runs and ends, and what it leaves behind."""
