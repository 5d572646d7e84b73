"""The background service: keeps every configured account up to date."""
