"""What went wrong with a database, in words.

Owns: the text of database errors and what mends them. Has no opinion on: when they happen.
"""

from __future__ import annotations

from sqlalchemy import URL

_HINTS = (
    ("locked", "another process kept it locked; look for a long-running one"),
    ("unable to open", "check that data_dir exists and can be written"),
    ("readonly", "check that data_dir can be written"),
    ("read-only", "check that the file system and data_dir can be written"),
    ("full", "free some space"),
    ("malformed", "restore it from a backup"),
    ("not a database", "the file is not SQLite's; check database_url"),
    ("write-ahead log", "put data_dir on a local disk"),
    ("authentication failed", "check user and password in database_url"),
    ("does not exist", "create it, or check database_url"),
    ("permission denied", "grant the user its rights on the schema"),
    ("connection", "check that the server runs and that database_url names it"),
    ("timeout", "check that the server runs and is not overloaded"),
)


def explain(error: Exception, url: URL) -> str:
    """Say what went wrong with a database, and what mends it.

    Parameters
    ----------
    error : Exception
        The fault, of SQLAlchemy or of the driver.
    url : URL
        The database's URL.

    Returns
    -------
    str
        One line without passwords, statements or their parameters.
    """
    cause = str(getattr(error, "orig", None) or error).strip()
    line = " ".join(cause.split())[:300]
    hint = next((hint for word, hint in _HINTS if word in line.lower()), "see the cause above")
    return f"database {url.set(query={}).render_as_string(hide_password=True)}: {line}; {hint}"
