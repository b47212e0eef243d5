"""Who acts, and where in Dagster: what every entry of the ledger says beside the act itself.

What belongs here: the authenticated actor of the present context, and the run and asset that it
works in. What does not: authenticating, which :mod:`resources.people.identity` does and which alone
calls :func:`acting`. An actor never comes from an argument, an environment variable or a tag
(P11-05).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from clinical_assets.ledger.entry import Actor, Origin
from resources.terminal import present_command

_ACTOR: ContextVar[Actor | None] = ContextVar("clinical_actor", default=None)
_ORIGIN: ContextVar[Origin | None] = ContextVar("clinical_origin", default=None)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """What happens in the block is done by ``actor``, who has been authenticated."""
    token = _ACTOR.set(actor)
    try:
        yield
    finally:
        _ACTOR.reset(token)


def authenticated_actor() -> Actor | None:
    """The actor of the present context; None where nobody was authenticated."""
    return _ACTOR.get()


@contextmanager
def at_origin(origin: Origin) -> Iterator[None]:
    """What happens in the block happens in this run and asset."""
    token = _ORIGIN.set(origin)
    try:
        yield
    finally:
        _ORIGIN.reset(token)


def present_origin() -> Origin:
    """The run, asset and partition at work here; empty outside of a run."""
    stated = _ORIGIN.get()
    return stated if stated is not None else _of_dagster()


def present_purpose() -> str:
    """What data are read or written for here: an asset, else a command; empty where neither is."""
    return present_origin().asset or present_command()


def _of_dagster() -> Origin:
    """From the step that Dagster executes in this context.

    Dagster is asked only where it is loaded already: its import takes seconds, and where it is not
    loaded no step is executed.
    """
    import sys

    if "dagster._core.execution.context.compute" not in sys.modules:
        return Origin()
    from dagster._core.execution.context.compute import current_execution_context

    context = current_execution_context.get()
    if context is None:
        return Origin()
    step = context.op_execution_context
    keys = step.selected_asset_keys if step.has_assets_def else ()
    names = sorted(key.to_user_string() for key in keys)
    partition = step.partition_key if step.has_partition_key else ""
    return Origin(step.run_id, ",".join(names), partition)
