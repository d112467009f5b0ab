"""The entry point: ``python src/main.py COMMAND``."""

from cli import main

if __name__ == "__main__":
    main()
