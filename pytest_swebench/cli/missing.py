"""What a command line lacks, all of it in one error instead of one thing after another."""

from __future__ import annotations

from collections.abc import Sequence

import click


class TellsAllMissing(click.Command):
    """A command that names every required argument and option that is missing, where click stops at the first."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of the command. Raises MissingParameter."""
        given = [*args]
        try:
            return super().parse_args(ctx, args)
        except click.MissingParameter as error:
            missing = self._missing(ctx, given)
            if len(missing) < 2:
                raise
            kinds = {one.param_type_name for one in missing}
            raise click.MissingParameter(
                ctx=ctx,
                param_hint=listed([one.get_error_hint(ctx) for one in missing]),
                param_type=f"{kinds.pop() if len(kinds) == 1 else 'parameter'}s",
            ) from error

    def _missing(self, ctx: click.Context, given: list[str]) -> list[click.Parameter]:
        values, _, _ = self.make_parser(ctx).parse_args(given)
        missing = []
        for one in self.get_params(ctx):
            try:
                one.handle_parse_result(ctx, values, [])
            except click.MissingParameter:
                missing.append(one)
            except click.UsageError:  # a value that is wrong is told once nothing is missing
                continue
        return missing


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them: `a, b and c`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
