"""The entry point: ``python src/main.py COMMAND``."""

import signal

# The command line handles these signals once it is loaded.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])

from cli.commands import main  # noqa: E402

if __name__ == "__main__":
    main()
