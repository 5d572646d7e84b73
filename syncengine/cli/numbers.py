"""Numbers that flags take, and what to say of what is none: in words, with an example."""

from typing import Any

import click
from click.core import ParameterSource


class Unusable(click.BadParameter):
    """A value that cannot be used; the hint says which can."""

    def __init__(
        self, message: str, hint: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> None:
        super().__init__(message, ctx, param)
        self.hint = hint

    def format_message(self) -> str:
        """Named as it was given: by its flag, or by a variable, which may be long forgotten."""
        if self.param is None or self.ctx is None:
            return self.message
        source = self.ctx.get_parameter_source(self.param.name or "")
        names = self.param.envvar if source is ParameterSource.ENVIRONMENT else self.param.opts
        named = names if isinstance(names, str) else next(iter(names or self.param.opts))
        return f"invalid value for {named}: {self.message}"


class Whole(click.ParamType[int]):
    """A whole number within bounds."""

    name = "integer"

    def __init__(self, least: int | None = None, most: int | None = None) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raises click's error for what is none."""
        try:
            number = int(value)
        except ValueError:
            raise self._unusable(value, param, ctx) from None
        low, high = self._least, self._most
        if (low is not None and number < low) or (high is not None and number > high):
            raise self._unusable(value, param, ctx)
        return number

    def _unusable(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Unusable:
        example = param.default if param is not None and _is_number(param.default) else self._least
        return Unusable(
            f"{_short(value)} is not {self._words()}",
            f"Give a number like {1 if example is None else example}.",
            param,
            ctx,
        )

    def _words(self) -> str:
        if self._least is None:
            return "a whole number"
        if self._most is None:
            return f"a whole number from {self._least:,} on"
        return f"a whole number from {self._least:,} to {self._most:,}"


class Number(click.ParamType[float]):
    """A number, which may have a fraction. In which range it is to be is said elsewhere."""

    name = "float"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Raises click's error for what is none."""
        try:
            return float(value)
        except ValueError:
            raise Unusable(
                f"{_short(value)} is not a number", "Give a number like 7 or 0.5.", param, ctx
            ) from None


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _short(value: Any) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
