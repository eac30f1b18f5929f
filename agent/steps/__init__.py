"""One module for each subcommand: HELP, arguments(parser), run(arguments)."""
