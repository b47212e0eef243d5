"""SQL over Parquet files or frames, by DuckDB in memory.

What belongs here: one statement over named tables, shut in with them: no other file, no
extension, no setting is within its reach. What does not: choosing and verifying versions
(:mod:`resources.delta.lake`). A DuckDB database file is never shared: writing locks out readers.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from clinical_assets.errors import ClinicalError

Table = Sequence[str] | pl.DataFrame


def run_query(sql: str, tables: Mapping[str, Table]) -> pl.DataFrame:
    """The rows of one SELECT over ``tables``, each a list of Parquet files or a frame.

    Raises:
        ClinicalError: DuckDB refuses the statement. Its words are passed on where they speak of
            the statement, not where they could repeat a value.
    """
    import duckdb

    local = sorted({f for table in tables.values() if isinstance(table, list) for f in table})
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    with connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            if isinstance(table, pl.DataFrame):
                connection.register(name, table.to_arrow())
            else:
                connection.from_parquet(list(table)).create_view(name)
        connection.execute("SET allowed_paths = ?", [local])
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            kinds = [statement.type for statement in connection.extract_statements(sql)]
            if kinds != [duckdb.StatementType.SELECT]:  # COPY could write over a pinned file
                raise _refused("it must be one SELECT")
            result: pl.DataFrame = connection.sql(sql).pl()
        except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
            raise _refused(str(error).splitlines()[0]) from error
        except duckdb.Error as error:
            raise _refused(type(error).__name__) from error
    whole = [n for n, t in result.schema.items() if isinstance(t, pl.Decimal) and t.scale == 0]
    return result.with_columns(pl.col(whole).cast(pl.Int64)) if whole else result


def _refused(reason: str) -> ClinicalError:
    return ClinicalError(
        f"DuckDB refuses the statement: {reason}",
        where="query over the lake",
        repair="Correct the statement; it sees only the tables that were handed to it",
    )
