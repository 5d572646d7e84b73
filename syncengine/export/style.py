"""What every page carries: its looks, its script, and a policy that allows only these two."""

import base64
import hashlib
from functools import cache
from importlib.resources import files


@cache
def _asset(name: str) -> str:
    return (files("syncengine.export") / "assets" / name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """What a policy calls a script or a style that may run: the hash of its text."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _policy(script: str, *, loads: bool) -> str:
    # The index loads the messages as scripts: only its own script may add some, and no page
    # may open a connection, load a picture or a frame, or send a form.
    trust = " 'strict-dynamic'" if loads else ""
    rules = (
        "default-src 'none'",
        f"script-src {_source(script)}{trust}",
        f"style-src {_source(_asset('style.css'))}",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def head(title: str, *, index: bool) -> str:
    """A page down to its body. `title` is escaped already."""
    policy = _policy(_script(index=index), loads=index)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_asset('style.css')}</style>\n</head>\n"
    )


@cache
def _script(*, index: bool) -> str:
    return _asset("common.js") + _asset("index.js" if index else "page.js")


def foot(*, index: bool) -> str:
    """The end of a page, with its script."""
    return f"<script>{_script(index=index)}</script>\n</body>\n</html>\n"
