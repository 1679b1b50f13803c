"""Room: questions to machines. Reads only; asking and parsing are pure.

Comes in: a Question (shell text and how to read its answer) and a runner. Goes out: typed facts.
May import: machine, model.
"""
