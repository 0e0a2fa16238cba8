"""What the living shop does to its database, one transaction at a time."""
