"""Random histories of one account, against the whole engine, on virtual time.

A run is a pure function of its seed: devices and a web client of one person, a server that
fails in every way that is known, crashes at any statement; after every step, and at the
end, *oracles* compare what is here with what is true on the server.

    life.py      what happens, drawn from the seed
    server.py    the server, and what the web client and the peers do to it
    devices.py   a device: its file, its engine, what was deleted on it
    oracles.py   what must be true, after every commit, after every step, and at the end
    trace.py     what happened, in words and as one number
    corpus.py    seeds that once found something
    bugs.py      bugs planted into the product, and the seeds that catch them

    python -m tests.simulation --seeds 1000 --start 0
    python -m tests.simulation --seeds 1 --start 17 --verbose
"""
