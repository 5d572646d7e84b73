"""Exports: what is in the files, what they say of themselves, and what a browser makes of them."""
