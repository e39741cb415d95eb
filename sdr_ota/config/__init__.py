"""What may a user set? Tables with ranges and units, and reading them from TOML."""
