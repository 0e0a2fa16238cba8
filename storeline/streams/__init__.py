"""What the streams have in common, whatever they read and write."""
