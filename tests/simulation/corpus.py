"""Seeds that once found something: every run repeats them. What they found is in words."""

CORPUS: dict[int, str] = {
    31: "verify did not read the whole list",
    34: "a doubt about the head raised and settled for ever",
    84: "verify did not read the whole list",
    154: "kept messages judged anew when the horizon grows: allowed to settle",
    210: "a deleted message that was not held came back from a lagging replica",
    266: "two gaps overlapped after a conversation was deleted",
    449: "a suspect grew older than the horizon before its second read, again and again",
}
