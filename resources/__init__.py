"""Shells around the world outside: settings, storage, registry, keys.

Each module holds a plain object that does the work and can be made in a test without Dagster, and
a ``ConfigurableResource`` that hands it out. Pure packages never import this one.
"""
