"""What the command `steering-reliability` does, a module per subcommand that thinks before it prints."""
