"""Many accounts kept up to date."""
