"""The benchmarks, and the rivals that they compare with."""
