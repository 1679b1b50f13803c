"""Room: old document x new document -> what the change costs. Pure: no machine is asked.

Comes in: domain documents, and what libvirt told of the running guest. Goes out: the document as
seen, and changes with their effects. May import: model, errors. Third-party name: lxml.
"""

from guesthouse.effects.change import Change, Effect, domain_changes, text_changes
from guesthouse.effects.seen import seen_document

__all__ = ["Change", "Effect", "domain_changes", "seen_document", "text_changes"]
