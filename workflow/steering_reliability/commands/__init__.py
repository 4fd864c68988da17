"""The subcommands of `steering-reliability`, a module each."""
