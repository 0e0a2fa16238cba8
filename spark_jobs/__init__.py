"""The jobs that run on the Spark cluster, one data flow each."""
