"""The policy pack: all rules of guesthouse.policy. Leave some out, or add your own, in a copy."""

from guesthouse.policy.pack import main

main()
