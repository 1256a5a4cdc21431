"""``python -m huiyan``: the same as the command ``huiyan``.

Owns: that. Has no opinion on: anything else.
"""

from huiyan.cli.main import main

if __name__ == "__main__":
    main()
