"""Reads stoa's messages and journals with nothing but Python's standard library.

`stoa.native` turns bytes into messages and back, `stoa.journal` reads a log from its files. Both follow the pages in
docs/formats/ and share no code with the program.
"""
