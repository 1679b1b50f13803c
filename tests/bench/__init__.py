"""The bench: ratios of ours to a peer, both measured side by side in one run."""
