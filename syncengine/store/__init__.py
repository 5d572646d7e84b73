"""The copy on disk. It writes what it is told and decides nothing."""
