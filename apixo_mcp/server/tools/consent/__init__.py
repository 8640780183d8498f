"""The yes of a person before money is spent."""
