"""Seeds that once found something: every run repeats them. What they found is in words.

A seed means another life when lives change: then its entry goes, and the engine's own tests
keep what it found.
"""

CORPUS: dict[int, str] = {}
