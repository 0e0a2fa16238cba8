"""The flow of the shop's changes from PostgreSQL's log to the replica."""
