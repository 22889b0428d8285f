"""``python -m unsynth``: the command, if its script is not on the path."""

from unsynth.cli.main import main

if __name__ == "__main__":
    main()
