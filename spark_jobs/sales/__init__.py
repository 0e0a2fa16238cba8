"""What of the sales pipeline needs Spark: judging every row, and telling which of several rows of a sale counts."""
