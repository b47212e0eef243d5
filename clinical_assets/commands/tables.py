"""The look of every table that ``clinical`` prints."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def new_console(*, quiet: bool = False) -> "Console":
    """A console that never colours what it was not told to."""
    from rich.console import Console

    return Console(quiet=quiet, highlight=False)


def new_table(
    columns: Sequence[str], *, wrapped: str, title: str = "", right: Collection[str] = ()
) -> "Table":
    """An empty table without frames.

    Args:
        columns: headings.
        wrapped: the one column that gives way where the terminal is narrow.
        right: columns of numbers.
    """
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title or None, title_justify="left")
    table.title_style = "bold"
    for name in columns:
        table.add_column(
            name,
            no_wrap=name != wrapped,
            overflow="fold",
            justify="right" if name in right else "left",
        )
    return table
