"""An answer of virsh as it leaves a host: what `guesthouse.facts.virsh.cut` reads."""


def encoded(mark: str, text: str) -> str:
    """The mark, then the answer, line by line."""
    lines = "".join(f"|{line}\n" for line in text.split("\n"))
    return f"= {mark}\n{lines}"
