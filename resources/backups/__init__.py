"""Backups: made, read offline, restored, tried; and what was lost, found."""
