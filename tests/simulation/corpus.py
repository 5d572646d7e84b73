"""Seeds that once found something: every run repeats them. What they found is in words."""

CORPUS: dict[int, str] = {
    98: "order was judged by what is gone from the server",
    324: "a lagging replica, and then a replay of what it said, removed new messages",
    646: "the guard did not count messages that are kept unverified as part of a conversation",
    709: "the same",
    882: "the same",
    3034: "rows with one and the same id made a gap wander for ever",
    5394: "a head that met nothing held joined what may have expired in between",
    5902: "a message at the join of two answers was never covered, and so never missed",
    20316: "a walk broke off where a deletion of ours had not reached all replicas",
    40464: "rows with one and the same id were taken for one message, and spoilt the order",
    40842: "a full audit gave up where its first page was not believed",
    60648: "a full audit did not come back to a conversation whose newest page was in doubt",
    50234: "an edited message outlived newer ones; what it joins may have expired unseen",
    102096: "a full audit went back and forth between two places without end",
    4392: "a mirror dropped what a cap on length had pushed out",
}
