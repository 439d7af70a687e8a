"""What students handed in: found, read safely, repaired."""
