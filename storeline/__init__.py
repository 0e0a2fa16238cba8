"""What the jobs, the DAGs and the generators share: declarations (nouns) and stores."""
