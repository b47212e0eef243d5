"""Builds, from one spec, the assets that every model has."""
