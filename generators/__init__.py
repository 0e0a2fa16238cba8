"""The shop's data (pure and seeded), and the few files that write it."""
