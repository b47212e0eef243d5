"""The look of every table that ``clinical`` prints."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from clinical_assets.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def new_console(*, quiet: bool = False, stderr: bool = False) -> "Console":
    """A console that never colours what it was not told to."""
    from rich.console import Console

    class PlainConsole(Console):
        def on_broken_pipe(self) -> None:
            """For the command line to end, whose exit status 1 means something else."""
            raise BrokenPipeError

    return PlainConsole(quiet=quiet, stderr=stderr, highlight=False)


def new_table(
    columns: Sequence[str],
    *,
    wrapped: str | Collection[str],
    title: str = "",
    right: Collection[str] = (),
) -> "Table":
    """An empty table without frames.

    Args:
        columns: headings.
        wrapped: the column, or those, that give way where the terminal is narrow; others are cut
            where that is not enough.
        right: columns of numbers.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    class PlainTable(Table):
        """A table whose cells and title say what they hold: no markup, no terminal's command."""

        def add_row(self, *cells: Any, **options: Any) -> None:
            """A text as it is; what shall have a style is given as ``Text``."""
            super().add_row(*map(_plain, cells), **options)

    named = Text(visible(title), "bold") if title else None
    table = PlainTable(box=box.SIMPLE_HEAD, pad_edge=False, title=named, title_justify="left")
    giving = (wrapped,) if isinstance(wrapped, str) else wrapped
    for name in columns:
        table.add_column(
            name,
            no_wrap=name not in giving,
            overflow="fold",
            justify="right" if name in right else "left",
        )
    return table


def _plain(cell: Any) -> Any:
    from rich.text import Text

    if isinstance(cell, str):
        return Text(visible(cell))
    if isinstance(cell, Text):  # of several lines, where whoever made it wants them
        cell.plain = "\n".join(map(visible, cell.plain.split("\n")))
    return cell
