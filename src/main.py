"""The entry point: ``python src/main.py COMMAND``."""

from cli import app

if __name__ == "__main__":
    app()
