"""Servers: `port` says what one must do, each folder beside it speaks to one kind."""
