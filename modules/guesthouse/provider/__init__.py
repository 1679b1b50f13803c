"""Room: the native Pulumi provider. Documents -> machines.

Comes in: what the engine asks (check, diff, create, read, update, delete, invoke). Goes out: the
same, done on machines. May import: machine, facts, effects, errors. Third-party names:
pulumi.provider, pycdlib. One base class, one short file per noun.
"""
