"""The front door for browsers and monitoring: an HTTP application in the process of the bot or a worker."""
