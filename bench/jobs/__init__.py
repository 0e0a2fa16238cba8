"""The product's jobs, run for a measurement in a way that a user cannot choose."""
