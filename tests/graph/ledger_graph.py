"""A graph of nothing but paths into Dagster's history: for tests of what the ledger sees.

An asset that is made, one that fails, partitions, a gate each that passes, refuses and crashes, a
schedule and sensors. Whatever a person can type or raise holds :data:`CANARY`, which stands for a
patient's name and must not be found in the ledger.
"""

from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    Config,
    DataVersion,
    DefaultSensorStatus,
    Definitions,
    DynamicPartitionsDefinition,
    Failure,
    MaterializeResult,
    RunRequest,
    ScheduleDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    StaticPartitionsDefinition,
    asset,
    asset_check,
    define_asset_job,
    in_process_executor,
    job,
    op,
    sensor,
)

CANARY = "Wilhelmina-Qvist-010203-4567"
DIGEST = "ab" * 32

sites = DynamicPartitionsDefinition(name="sites")


class Typed(Config):
    """What somebody may type into the launchpad."""

    note: str = ""


@asset(metadata={"note": CANARY}, tags={"note": "x"}, description=CANARY)
def made(context: AssetExecutionContext, config: Typed) -> MaterializeResult[Any]:
    """Made, with everything that can be said of it."""
    context.log.info(f"{CANARY} {config.note}")
    context.add_asset_metadata({"patient": CANARY})
    context.log_event(AssetObservation("made", description=CANARY, metadata={"note": CANARY}))
    return MaterializeResult(
        metadata={"clinical/sha256": DIGEST, "patient": CANARY},
        data_version=DataVersion(CANARY),
        tags={"ward": "x"},
    )


@asset(deps=[made])
def failing() -> None:
    """Raises what quotes a value."""
    raise ValueError(CANARY)


@asset(partitions_def=StaticPartitionsDefinition(["2026-11-01", "2026-11-02"]))
def daily() -> None:
    """Made by days."""


@asset(partitions_def=sites)
def by_site() -> None:
    """Made by sites."""


@asset_check(asset=made, blocking=True, description=CANARY)
def passing() -> AssetCheckResult:
    """Passes."""
    metadata = {"clinical/judged": DIGEST, "patient": CANARY}
    return AssetCheckResult(passed=True, metadata=metadata, description=CANARY)


@asset_check(asset=made)
def refusing() -> AssetCheckResult:
    """Refuses without blocking."""
    return AssetCheckResult(passed=False, severity=AssetCheckSeverity.WARN, description=CANARY)


@asset_check(asset=made)
def crashing() -> AssetCheckResult:
    """Cannot be decided."""
    raise Failure(description=CANARY, metadata={"patient": CANARY})


@op
def plain() -> None:
    """An op that makes nothing and fails."""
    raise LookupError(CANARY)


@job
def ops() -> None:
    """A job without assets."""
    plain()


@sensor(target=made, minimum_interval_seconds=1)
def asking(context: SensorEvaluationContext) -> SensorResult:
    """Asks for one run, adds a partition, moves its cursor and reports an asset."""
    if context.cursor == CANARY:
        return SensorResult(skip_reason=SkipReason(CANARY))
    return SensorResult(
        [RunRequest(run_key=CANARY, tags={"patient": CANARY}, asset_selection=[AssetKey("made")])],
        cursor=CANARY,
        dynamic_partitions_requests=[sites.build_add_request([CANARY])],
        asset_events=[AssetMaterialization("elsewhere", metadata={"patient": CANARY})],
    )


@sensor(target=made, default_status=DefaultSensorStatus.RUNNING)
def idle() -> SkipReason:
    """Runs unless it is switched off."""
    return SkipReason("idle")


nightly = ScheduleDefinition("nightly", cron_schedule="0 3 * * *", target=made)

defs = Definitions(
    [made, failing, daily, by_site],
    asset_checks=[passing, refusing, crashing],
    jobs=[ops, define_asset_job("days", selection=[daily])],
    sensors=[asking, idle],
    schedules=[nightly],
    executor=in_process_executor,
)
