"""When and in which order the jobs run."""
