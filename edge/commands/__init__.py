"""One small file per command of `cry-monitor`; `main` dispatches, `lines` is what they print.

Each has add_parser(subparsers), and run(args) -> exit status, which may raise UserError.
"""
