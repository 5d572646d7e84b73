"""Puts the subcommands together."""

import click

from syncengine.cli.accounts import account
from syncengine.cli.backup import backup
from syncengine.cli.browse import browse
from syncengine.cli.changes import changes
from syncengine.cli.conversations import conversations
from syncengine.cli.daemon import daemon
from syncengine.cli.delete import delete
from syncengine.cli.demo import demo
from syncengine.cli.doctor import doctor
from syncengine.cli.emulator import emulator
from syncengine.cli.export import export
from syncengine.cli.messages import messages
from syncengine.cli.outbox import outbox
from syncengine.cli.program import Program
from syncengine.cli.recover import recover
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
    Configure an account:       syncengine account add NAME --server URL \\
                                    --app-key ORG#APP --user USER
    Pull it:                    syncengine sync
    Keep it up to date:         syncengine daemon
    Read it in a window:        syncengine browse
    Read it, with no network:   syncengine conversations
                                syncengine messages CONVERSATION
                                syncengine search WORDS
    Take it elsewhere:          syncengine export --format html --output DIR
    Delete, here and there:     syncengine delete CONVERSATION
    Compare all of it again:    syncengine verify

    With several accounts, --account NAME says which. What is configured can also be given
    with each command: --server, --app-key, --user, --db.

    Flags follow the command. Each can also be given in the environment, for example --user
    as SYNCENGINE_USER, apart from those whose help names no variable. Secrets are never flags:
    they come from SYNCENGINE_PASSWORD or SYNCENGINE_TOKEN, or you are asked.

    \b
    Exit codes: 0 done, 1 done with errors, 2 usage or configuration,
                3 server unreachable, 4 unauthorized, 5 local store,
                130 interrupted.
    """


reading = (conversations, messages, search, changes, export, status)
tending = (delete, outbox, upkeep, backup, doctor, recover)
for command in (account, sync, verify, daemon, browse, *reading, *tending, emulator, demo):
    syncengine.add_command(command)
