"""Environment variables: as people and hosts write them, what their values may be, and what is odd about them."""
