"""Which accounts are configured, and where their secrets are."""
