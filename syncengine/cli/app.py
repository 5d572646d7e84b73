"""Puts the subcommands together."""

import click

from syncengine.cli.backup import backup
from syncengine.cli.browse import browse
from syncengine.cli.changes import changes
from syncengine.cli.conversations import conversations
from syncengine.cli.delete import delete
from syncengine.cli.demo import demo
from syncengine.cli.emulator import emulator
from syncengine.cli.export import export
from syncengine.cli.messages import messages
from syncengine.cli.outbox import outbox
from syncengine.cli.program import Program
from syncengine.cli.search import search
from syncengine.cli.status import status
from syncengine.cli.sync import sync
from syncengine.cli.upkeep import upkeep
from syncengine.cli.verify import verify


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="syncengine-im")
def syncengine() -> None:
    """Keep a faithful copy of your chat history on your own machine.

    \b
    Try it without an account:  syncengine demo
    Pull an account:            syncengine sync --server URL \\
                                    --app-key ORG#APP --user NAME
    Read it in a window:        syncengine browse --user NAME
    Read it, with no network:   syncengine conversations --user NAME
                                syncengine messages CONVERSATION --user NAME
    Take it elsewhere:          syncengine export --format html --output DIR
                                syncengine search WORDS --user NAME
    Delete, here and there:     syncengine delete CONVERSATION --user NAME
    Compare all of it again:    syncengine verify --server URL …

    Flags follow the command. Each can also be given in the environment, for example --user
    as SYNCENGINE_USER, apart from those whose help names no variable. Secrets are never flags:
    they come from SYNCENGINE_PASSWORD or SYNCENGINE_TOKEN, or you are asked.

    \b
    Exit codes: 0 done, 1 done with errors, 2 usage or configuration,
                3 server unreachable, 4 unauthorized, 5 local store,
                130 interrupted.
    """


reading = (conversations, messages, search, changes, export, status)
tending = (upkeep, backup)
for command in (sync, verify, browse, *reading, delete, outbox, *tending, emulator, demo):
    syncengine.add_command(command)
