"""One module for each subcommand: its docstring is the help, and it has arguments(parser) and run(arguments)."""
