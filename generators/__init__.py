"""What a shop is (pure and seeded), then the few files that write it."""
