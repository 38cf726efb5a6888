"""Kinds of damage to a database, each a function of its path."""

import os
import sqlite3

from edge.store.schema import SCHEMA_VERSION

PAGE = 4096


def overwrite(offset, content):
    def damage(path):
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(content)

    return damage


def statements(text):
    def damage(path):
        raw = sqlite3.connect(path)
        raw.executescript(text)
        raw.close()

    return damage


def replaced(content):
    def damage(path):
        with open(path, "wb") as file:
            file.write(content)

    return damage


def cut(n_bytes):
    return lambda path: os.truncate(path, n_bytes)


def folder_for_log(path):
    os.mkdir(path + "-wal")


def pipe_for_log(path):
    os.mkfifo(path + "-shm")


# Each leaves a file that will never do: it is set aside whole, and the night goes on in a new one.
DAMAGE = {
    "first page zeroed": overwrite(0, bytes(PAGE)),
    "header overwritten": overwrite(0, b"SQLite format 4\0"),
    "header of a format to come": overwrite(18, b"\x03\x03"),
    "page size of nothing": overwrite(16, b"\0\0"),
    "all pages but the first": overwrite(PAGE, b"\xff" * 20 * PAGE),
    "table of tables": overwrite(100, b"\xff" * 900),
    "text": replaced(b"not a database, a letter to the baby " * 100),
    "a few bytes": replaced(b"SQLite"),
    "random bytes": replaced(bytes(range(256)) * 64),
    "zeros": replaced(bytes(8 * PAGE)),
    "cut within the first page": cut(1000),
    "newer schema": statements("PRAGMA user_version={};".format(SCHEMA_VERSION + 5)),
    "schema below zero": statements("PRAGMA user_version=-1;"),
    "schema of an empty file": statements("PRAGMA user_version=0;"),
    "schema older than its tables": statements("PRAGMA user_version=1;"),
    "a table gone": statements("DROP TABLE events;"),
    "a table of other columns": statements("DROP TABLE minutes; CREATE TABLE minutes (id INTEGER PRIMARY KEY);"),
    "one column more that must be filled": statements("ALTER TABLE events ADD COLUMN mood TEXT NOT NULL DEFAULT 'x';"),
    "a view for a table": statements("DROP TABLE health; CREATE VIEW health AS SELECT * FROM minutes;"),
    "a trigger that refuses": statements(
        "CREATE TRIGGER no BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END;"
    ),
    "the last number taken": statements("UPDATE sqlite_sequence SET seq = 9223372036854775807;"),
    "a row of the last number": statements("UPDATE minutes SET id = 9223372036854775807 WHERE id = 300;"),
    "a session of the last number": statements("UPDATE minutes SET session = 9223372036854775807;"),
    "a folder for its log": folder_for_log,
    "a pipe for its index": pipe_for_log,
}
