"""How people come in through a browser: links that work once, sessions, and a limit on tries."""
