"""The parts of the sales pipeline that need Spark: judging every row, and choosing which row of a sale counts."""
