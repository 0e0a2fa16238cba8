"""The DAGs: when the jobs run, and in which order."""
