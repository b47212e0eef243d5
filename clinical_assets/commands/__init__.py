"""The subcommands of `clinical`, one module each, imported only when called."""
