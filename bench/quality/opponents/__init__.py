"""Models of other people's libraries, run in an environment of their own; see `requirements-opponents.in`.

Nothing here may import a package that this environment lacks: problems come and lists go as files.
"""
