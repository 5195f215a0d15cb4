"""What should run, and the plans that lead there."""
