"""The lake on Delta Lake's log: versions that can be pinned by number and digest."""
