"""Bad input: every error says what and what to do, in one exit code, without a traceback."""

import json
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.cli.command import Outcome, Person, command, outcome

USAGE = [
    ("--unknown",),
    ("unknown",),
    ("sync", "--passwrod"),
    ("sync", "extra"),
    ("sync", "--attempts", "0"),
    ("conversations", "--limit", "0"),
    ("conversations", "--limit", "many"),
    ("messages",),
    ("messages", "bob", "--kind", "friend"),
    ("messages", "bob", "--limit", "-1"),
    ("status", "--limit", "3"),
    *((name, "--limit", "9" * 20) for name in ("changes", "conversations", "search")),
    ("messages", "bob", "--limit", "2000000001"),
    ("emulator", "--port", "99999"),
    ("demo", "--db", "/"),
]


def check_style(done: Outcome) -> None:
    """All errors read alike: they start small, have no full stop, and the hint is a sentence."""
    error, hint = done.err.splitlines()
    assert error.removeprefix("error: ")[0].islower(), error
    assert not error.endswith("."), error
    assert hint.endswith("."), hint


@pytest.mark.parametrize("line", USAGE, ids=" ".join)
def test_what_cannot_be_meant_is_a_usage_error(alice: Person, line: tuple[str, ...]) -> None:
    """Exit 2; the hint names the help of that command."""
    done = alice.call(*line)
    done.refused(2, "--help` shows what there is")
    check_style(done)


@pytest.mark.parametrize("line", USAGE[2:], ids=" ".join)
def test_usage_errors_are_json_for_programs(alice: Person, line: tuple[str, ...]) -> None:
    """With `--json` one object on the error stream, nothing on the other."""
    done = alice.call(line[0], "--json", *line[1:])
    assert (done.code, done.out) == (2, "")
    assert set(done.problem) == {"error", "message", "hint"}


NUMBERS = [
    (
        ("conversations", "--limit", "abc"),
        "--limit: 'abc' is not a whole number from 1 to 2,",
        "50",
    ),
    (("messages", "bob", "--limit", "-1"), "--limit: '-1' is not a whole number from 1", "50"),
    (("search", "x", "--limit", "1.5"), "--limit: '1.5' is not a whole number from 1", "20"),
    (("changes", "--limit", ""), "--limit: '' is not a whole number from 1", "50"),
    (("changes", "--since", "-3"), "--since: '-3' is not a whole number from 0 on", "0"),
    (("changes", "--since", "yesterday"), "--since: 'yesterday' is not a whole", "0"),
    (("sync", "--attempts", "x"), "--attempts: 'x' is not a whole number from 1 to 100", "6"),
    (("sync", "--page-size", "many"), "--page-size: 'many' is not a whole number", "49"),
    (("sync", "--retention-days", "week"), "--retention-days: 'week' is not a number", "7"),
    (("verify", "--full-list-every", "1 h"), "--full-list-every: '1 h' is not a number", "7"),
    (("status", "--retention-days", ""), "--retention-days: '' is not a number", "7"),
    (("delete", "bob", "--all", "--attempts", "0"), "--attempts: '0' is not a whole", "2"),
    (("emulator", "--port", "http"), "--port: 'http' is not a whole number from 0 to 65,", "0"),
    (("emulator", "--seed", "x"), "--seed: 'x' is not a whole number\n", "1"),
    (("search", "x", "--limit", "9" * 5000), "99…' is not a whole number from 1 to 2,", "20"),
]


@pytest.mark.parametrize(("line", "words", "example"), NUMBERS)
def test_a_number_that_is_none_is_told_which_would_do(
    alice: Person, line: tuple[str, ...], words: str, example: str
) -> None:
    """Exit 2, of every flag that takes one: in words, with a number that could stand there."""
    done = alice.call(*line)
    done.refused(2, words, f"like {example}", "--help` shows what there is")
    check_style(done)


TIMES = [
    (("messages", "bob", "--at", "nonsense"), "--at 'nonsense' is no time\n"),
    (("search", "x", "--since", "-"), "--since '-' is no time\n"),
    (("search", "x", "--until", "24:00"), "--until '24:00' is no time\n"),
    (("delete", "bob", "--before", "nonsense"), "--before 'nonsense' is no time\n"),
]


@pytest.mark.parametrize(("line", "words"), TIMES)
def test_a_time_that_is_none_is_told_how_to_write_one(
    alice: Person, line: tuple[str, ...], words: str
) -> None:
    """Exit 2; the error names the flag, the hint has examples."""
    alice.call(*line).refused(2, words, "2024-12-31T18:00")


def test_a_message_that_is_none_is_told_where_its_id_stands(alice: Person) -> None:
    """`messages --before` takes an id, and no time."""
    alice.call("messages", "bob", "--before", "nonsense").refused(
        2, "--before 'nonsense' is no message id\n", "for a time there is --at"
    )


@pytest.mark.parametrize(
    "line",
    [
        ("messages", "nobody"),
        ("search", "x", "--in", "nobody"),
        ("export", "nobody", "--output", "out"),
        ("verify", "nobody"),
        ("delete", "nobody", "--all", "--yes"),
        ("conversations", "--after", "nobody"),
    ],
    ids=" ".join,
)
def test_a_conversation_that_is_not_held_here(alice: Person, line: tuple[str, ...]) -> None:
    """Exit 2, and the same words of every command."""
    done = alice.call(*line)
    done.refused(2, "no conversation 'nobody' is held here\n", "`syncengine conversations` lists")
    assert done.out == ""


def test_flags_follow_the_command(alice: Person) -> None:
    """A flag before the command is told where it belongs."""
    problem = alice.call("--json", "status").problem
    assert "follow the command" in problem["hint"]


def test_a_value_in_the_environment_is_checked_like_a_flag(alice: Person) -> None:
    """The error names the variable that holds it."""
    alice.but(SYNCENGINE_LIMIT="zero").call("conversations").refused(2, "SYNCENGINE_LIMIT")


@pytest.mark.parametrize("key", ["org", "org#", "#app", "org#app#x", "org/app"])
def test_an_app_key_of_a_wrong_form(newcomer: Person, key: str) -> None:
    """Exit 2, the hint shows the form; no file is made."""
    newcomer.but(SYNCENGINE_APP_KEY=key).call("sync").refused(2, "org#app")
    assert not newcomer.db.exists()


@pytest.mark.parametrize(
    "url", ["ftp://a", "a1.easemob.com", "https://", "http://a b", "https://u:p@h"]
)
def test_an_address_that_cannot_be_used(newcomer: Person, url: str) -> None:
    """Exit 2, with an example of one that can."""
    newcomer.but(SYNCENGINE_SERVER=url).call("sync").refused(2, "https://a1.easemob.com")


@pytest.mark.parametrize("host", ["10.0.0.1", "192.0.2.1:8080", "[2001:db8::1]", "example.com"])
def test_plain_http_is_refused_beyond_this_machine(newcomer: Person, host: str) -> None:
    """The password would travel unprotected: exit 2 before anything is sent."""
    person = newcomer.but(SYNCENGINE_SERVER=f"http://{host}")
    done = person.call("sync")
    done.refused(2, "plain http", "--allow-insecure-http")
    assert " allow_insecure_http" not in done.err
    assert not newcomer.db.exists()


def test_a_wrong_password(alice: Person) -> None:
    """Exit 4; what was stored stays readable."""
    wrong = alice.but(SYNCENGINE_PASSWORD="wrong")
    done = wrong.run("sync")
    done.refused(4, "password")
    assert done.out == "nothing was fetched\n"
    assert len(wrong.call("conversations", "--json").lines) == 12


def test_https_where_only_http_is_spoken(newcomer: Person) -> None:
    """Exit 3; it says so, and what the address would have to be."""
    https = newcomer.env["SYNCENGINE_SERVER"].replace("http:", "https:")
    done = newcomer.but(SYNCENGINE_SERVER=https).run("sync", "--attempts", "1")
    done.refused(3, "what answers there does not speak https\n", "http://")


def test_http_where_only_https_is_spoken(newcomer: Person) -> None:
    """Exit 3; the hint says that the server may want https."""
    with speaking_tls() as port:
        http = newcomer.but(SYNCENGINE_SERVER=f"http://127.0.0.1:{port}")
        http.run("sync", "--attempts", "1").refused(3, "which begins with http://", "https://")


@contextmanager
def speaking_tls() -> Iterator[int]:
    """A server that answers nothing but https; its port."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(Path(__file__).parents[1] / "remote" / "localhost.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # no news of handshakes
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_unknown_user(newcomer: Person) -> None:
    """Exit 4, and the hint says what to check."""
    newcomer.but(SYNCENGINE_USER="nobody").call("sync").refused(4, "user")


def test_an_unknown_app(newcomer: Person) -> None:
    """Exit 2: a setting is wrong, and the hint says which."""
    newcomer.but(SYNCENGINE_APP_KEY="no#where").call("sync").refused(2, "app key")


@pytest.mark.parametrize("server", ["http://127.0.0.1:1", "https://nowhere.invalid"])
def test_an_unreachable_server(alice: Person, server: str) -> None:
    """Exit 3; the hint says that what is stored can be read, and it can."""
    away = alice.but(SYNCENGINE_SERVER=server)
    done = away.run("sync", "--attempts", "2")
    done.refused(3, "network")
    assert done.out == "nothing was fetched\n"
    report = away.call("sync", "--attempts", "1", "--json")
    assert report.code == 3
    assert [each["error"] for each in report.object["errors"]] == ["Unreachable"]
    assert len(away.call("messages", "bob", "--json").lines) == 50


class _Portal(BaseHTTPRequestHandler):
    """The sign-in page of a hotel, whatever is asked for."""

    def do_GET(self) -> None:
        page = "<html><h1>欢迎 Welcome</h1>\x1b[31m".encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_POST = do_GET  # noqa: N815 # the library's name

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def portal() -> Iterator[str]:
    """A server that answers everything with HTML."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Portal) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_sends_html(alice: Person) -> None:
    """A captive portal: exit 1 with a hint, nothing of its page on the terminal, nothing lost."""
    with portal() as url:
        caught = alice.but(SYNCENGINE_SERVER=url)
        done = caught.run("sync", "--attempts", "2")
        done.refused(1)
        assert "Welcome" not in done.err
        assert "\x1b" not in done.err
        report = caught.call("sync", "--attempts", "1", "--json").object
    assert [each["error"] for each in report["errors"]] == ["ServerFault"]
    assert all(each["hint"] for each in report["errors"])
    assert alice.call("status", "--json").object["messages"] == 1479


@pytest.mark.parametrize("line", [("conversations",), ("messages", "bob"), ("sync",)])
def test_errors_of_every_command_are_json_for_programs(
    newcomer: Person, line: tuple[str, ...]
) -> None:
    """`--json`: one object with error, message and hint on the error stream."""
    done = newcomer.but(SYNCENGINE_APP_KEY="org").run(*line, "--json")
    assert (done.code, done.out) == (2, "")
    assert set(done.problem) == {"error", "message", "hint"}
    assert done.problem["error"] == "ConfigError"


NO_TEXT = [
    ("messages", "*"),
    ("messages", "bob", "--before", "*"),
    ("conversations", "--after", "*"),
    ("delete", "*", "--all"),
    ("search", "*"),
    ("search", "tea *"),
    ("search", "tea", "--in", "*"),
    ("search", "--sender", "*"),
    ("search", "tea", "--since", "*"),
]


@pytest.mark.parametrize("line", NO_TEXT, ids=" ".join)
def test_arguments_that_are_no_text(alice: Person, line: tuple[str, ...]) -> None:
    """Bytes that are not UTF-8, as a file name may have them: exit 2 and a hint."""
    given = [word.replace("*", "\udcff\udcfe") for word in line]
    alice.call(*given).refused(2, "UTF-8")


def test_bytes_that_are_no_text(alice: Person) -> None:
    """The same from a real command line."""
    outcome([*command("messages"), "\udcff\udcfe"], alice.env).refused(2, "UTF-8")


def test_the_largest_limit(alice: Person) -> None:
    """It is one; the next page's hint does not trip over it."""
    for line in (("conversations",), ("conversations", "--after", "bob", "--kind", "chat")):
        done = alice.call(*line, "--limit", "2000000000", "--json")
        assert (done.code, done.err) == (0, "")


def test_nothing_at_all_shows_the_help(newcomer: Person) -> None:
    """`syncengine` alone teaches; it is still no success."""
    done = newcomer.call()
    assert done.code == 2
    assert "syncengine demo" in done.out + done.err


WITHOUT = "import sys; sys.modules.update({modules}); from syncengine.cli import main; main()"


def without(modules: tuple[str, ...], person: Person, *arguments: str) -> tuple[int, str, str]:
    """The command where these packages are not installed."""
    code = WITHOUT.format(modules=dict.fromkeys(modules))
    done = outcome([sys.executable, "-c", code, *arguments], person.env)
    return done.code, done.out, done.err


SERVING = ("starlette", "uvicorn", "httptools", "uvloop")


def test_without_the_emulator_extra_all_else_works(alice: Person) -> None:
    """Listings, sync and every help work; the two that need it say how to install it."""
    code, out, err = without(SERVING, alice, "conversations", "--json")
    assert (code, err) == (0, "")
    assert len([json.loads(line) for line in out.splitlines()]) == 12
    for line in (("emulator",), ("demo", "--db", str(alice.home / "new.db"))):
        code, out, err = without(SERVING, alice, *line)
        assert (code, out) == (2, "")
        assert "pip install 'syncengine-im[emulator]'" in err
        assert "Traceback" not in err
    code, out, _ = without(SERVING, alice, "emulator", "--help")
    assert code == 0
    assert "--world" in out


def test_without_the_command_line_extra_it_says_so(alice: Person) -> None:
    """The script exists wherever the package does: exit 2 and what to install."""
    code, out, err = without(("click",), alice, "status")
    assert (code, out) == (2, "")
    assert err == "error: click is missing\nhint: Run `pip install 'syncengine-im[cli]'`.\n"
