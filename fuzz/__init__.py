"""Hostile bytes against every parser: `python3 dev.py fuzz`.

A module whose name begins with no underscore is a target: it names the modules it tries, seeds to
begin with and a check that raises when a promise is broken. The engine is atheris (libFuzzer),
guided by the coverage of this project's own code.
"""
