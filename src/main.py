"""The entry point: ``python src/main.py COMMAND``."""

import os
import signal

# What is written is for this user alone: recordings, transcripts, logs. The embedded PostgreSQL opens for its own user
# what that has to pass.
os.umask(0o077)
# The command line handles these signals once it is loaded.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])

from cli.commands import main  # noqa: E402
from log_setup import log_to_standard_error  # noqa: E402

if __name__ == "__main__":
    log_to_standard_error()
    main()
