"""The command line: parses, calls and prints; one thin file a command.

Standard output is the result, standard error the log. Exit codes: 0 done, 1 failed,
2 wrong use or configuration, 3 no radio, 130 interrupted.
"""
