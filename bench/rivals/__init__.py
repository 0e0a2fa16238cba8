"""The rivals' Spark jobs; in a separate folder, because spark-submit puts it first in the path."""
