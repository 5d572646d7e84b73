"""An offline-first sync engine for chat history."""
