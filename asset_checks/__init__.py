"""Gates as blocking asset checks: factories that turn an asset key and a limit into a check."""
